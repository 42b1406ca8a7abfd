import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parseRange } from "../../../src/config/range-syntax.ts";
import type { InterfaceLedger } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { OTHER_VLAN, vlanLabel } from "../../../src/ledger/vlans/vlan.ts";
import { packetOf, seriesOf } from "../model.ts";

const NO_LIMIT = 1_000_000;
const UDP = 17;
const HOST = 0x0a000001n;
const PEER = 0xc0000201n;

function ledgerOf(maxVlans: number | undefined, ranges: readonly string[] = ["10.0.0.0/8"], limit = NO_LIMIT): Ledger {
  return new Ledger(new RangeTable(ranges.map(parseRange)), limit, [], { maxVlans });
}

function send(ledger: InterfaceLedger, vlan: number, lengthBytes = 100, source = HOST): void {
  const packet = packetOf({ version: 4, source, destination: PEER, protocol: UDP, lengthBytes });
  packet.vlan = vlan;
  ledger.sink.record(packet);
}

/** VLAN and series → bytes. */
function bytesOf(ledger: Ledger, name = "eth0"): Record<string, number> {
  const found = ledger
    .interface(name)
    .parts()
    .flatMap((part) =>
      [...seriesOf(part, ledger.ranges)].map(([key, { bytes }]) => [`${vlanLabel(part.vlan!)}: ${key}`, bytes]),
    );
  return Object.fromEntries(found);
}

/** Of one address, and of all frames. */
function sums(ledger: Ledger, ...vlans: readonly number[]): number[][] {
  return vlans.map((vlan) => {
    const series = [...seriesOf(ledger.interface("eth0").part(vlan), ledger.ranges)];
    return series.map(([, { bytes }]) => bytes);
  });
}

describe("a ledger that tells VLANs apart", () => {
  test("has an address once for each VLAN, and once without", () => {
    const ledger = ledgerOf(10);
    const eth0 = ledger.interface("eth0");
    send(eth0, 0, 100);
    send(eth0, 7, 200);
    send(eth0, 7, 200);
    send(eth0, (100 << 12) | 7, 300);
    assert.deepEqual(sums(ledger, 0, 7, (100 << 12) | 7), [
      [100, 100],
      [400, 400],
      [300, 300],
    ]);
    assert.deepEqual(
      eth0.parts().map(({ vlan }) => vlanLabel(vlan!)),
      ["", "7", "100.7"],
    );
    assert.equal(ledger.addresses.used, 3);
    assert.equal(ledger.vlans?.used, 2);
  });

  test("counts what finds no room as that of other VLANs, to the byte", () => {
    const ledger = ledgerOf(2);
    for (const name of ["eth0", "eth1"]) for (let vlan = 0; vlan < 5; vlan++) send(ledger.interface(name), vlan);
    assert.deepEqual(
      ledger.parts().map(({ name, vlan }) => `${name} ${vlanLabel(vlan!)}`),
      ["eth0 ", "eth0 1", "eth0 2", "eth0 other", "eth1 ", "eth1 other"],
    );
    assert.deepEqual(sums(ledger, 1, OTHER_VLAN), [
      [100, 100],
      [200, 200],
    ]);
    assert.equal(ledger.vlans?.used, 2);
    send(ledger.interface("eth0"), 1);
    assert.deepEqual(sums(ledger, 1), [[200, 200]]);
  });

  test("lets others have the VLANs of an interface that it forgets", () => {
    const ledger = ledgerOf(2);
    send(ledger.interface("eth0"), 1);
    send(ledger.interface("eth0"), 2);
    ledger.forget("eth0");
    assert.equal(ledger.vlans?.used, 0);
    assert.equal(ledger.addresses.used, 0);
    send(ledger.interface("eth1"), 3);
    assert.deepEqual(Object.keys(bytesOf(ledger, "eth1")).filter((key) => key.startsWith("3: ")).length, 2);
  });

  test("goes on by other ranges with what it has counted, and tells what is gone", () => {
    const ledger = ledgerOf(2);
    for (let vlan = 0; vlan < 5; vlan++) send(ledger.interface("eth0"), vlan, 100 + vlan);
    const before = bytesOf(ledger);
    ledger.rerange(new RangeTable(["10.0.0.0/8", "192.0.2.0/24"].map(parseRange)), NO_LIMIT);
    assert.deepEqual(bytesOf(ledger), before);
    assert.deepEqual(ledger.takeDeparted(), []);
    assert.equal(ledger.vlans?.used, 2);
    send(ledger.interface("eth0"), 2, 100);
    ledger.rerange(new RangeTable(["10.0.0.0/8:site=ams"].map(parseRange)), NO_LIMIT);
    assert.deepEqual(
      ledger.takeDeparted().map(({ vlan }) => vlanLabel(vlan!)),
      ["", "1", "2", "other"],
    );
    assert.deepEqual(
      sums(ledger, 0, 1, 2, OTHER_VLAN).map(([all]) => all),
      [100, 101, 202, 207],
    );
  });

  test("knows those of a run before, until interfaces have gone on with them", () => {
    const before = ledgerOf(2);
    for (const vlan of [0, 7, 9, 11]) send(before.interface("eth0"), vlan);
    const ledger = ledgerOf(2);
    ledger.succeed([before]);
    assert.deepEqual(ledger.knownVlans(), [7, 9]);
    ledger.interface("eth0");
    assert.deepEqual(ledger.knownVlans(), [7, 9]);
    assert.equal(ledger.vlans?.used, 2);
  });

  test("bounds addresses over all VLANs, and gives their places to what is new", () => {
    const ledger = ledgerOf(10, ["10.0.0.0/8"], 4);
    const eth0 = ledger.interface("eth0");
    for (let vlan = 1; vlan <= 4; vlan++) send(eth0, vlan);
    for (let look = 0; look < 2; look++) for (const _ of ledger.look());
    send(eth0, 5);
    assert.equal(ledger.addresses.used, 4);
    assert.deepEqual(
      eth0.parts().reduce((sum, { addresses }) => sum + addresses.evicted, 0),
      1,
    );
  });
});

test("a ledger that does not tell VLANs apart counts them alike", () => {
  const ledger = ledgerOf(undefined);
  for (let vlan = 0; vlan < 5; vlan++) send(ledger.interface("eth0"), vlan);
  assert.deepEqual(
    ledger.parts().map(({ vlan }) => vlan),
    [undefined],
  );
  assert.equal(ledger.vlans, undefined);
  assert.deepEqual(
    [...seriesOf(ledger.interface("eth0"), ledger.ranges).values()].map(({ bytes }) => bytes),
    [500, 500],
  );
});
