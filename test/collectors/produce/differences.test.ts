import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Differences } from "../../../src/collectors/produce/differences.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { ALL_SLOT } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { packetOf } from "../../ledger/model.ts";

const TCP = 6;
/** As many as are kept. */
const KEPT = 256;

function count(ledger: Ledger, name: string): void {
  const packet = { version: 4 as const, source: 1n, destination: 2n, protocol: TCP, lengthBytes: 100 };
  ledger.interface(name).record(packetOf(packet));
}

/** The packets of all differences, which are taken. */
function take(differences: Differences): number {
  let packets = 0;
  for (const batch of differences.batches()) {
    for (const counted of batch?.counted ?? []) packets += counted.packets;
    batch?.take();
  }
  return packets;
}

test("what is passed over is taken for delivered", () => {
  const ledger = new Ledger(new RangeTable([parseRange("0.0.0.1")]), 1000);
  const differences = new Differences(ledger);
  for (const name of ["eth0", "br0", "eth0"]) count(ledger, name);
  const packets = (passedOver: string[]): number => {
    let sum = 0;
    for (const batch of differences.batches(new Set(passedOver))) {
      for (const counted of batch?.counted ?? []) sum += counted.packets;
      batch?.take();
    }
    return sum;
  };
  assert.equal(packets(["br0"]), 2);
  assert.equal(packets([]), 0);
  count(ledger, "br0");
  assert.equal(packets([]), 1);
});

test("what a run before has counted is that run's to deliver, whenever its interface comes", () => {
  const ranges = () => new RangeTable([parseRange("0.0.0.1")]);
  const before = new Ledger(ranges(), 1000);
  for (const name of ["eth0", "eth1", "eth1"]) count(before, name);
  const ledger = new Ledger(ranges(), 1000);
  ledger.succeed([before]);
  count(ledger, "eth0");
  const differences = new Differences(ledger);
  assert.equal(take(differences), 0);
  for (const name of ["eth0", "eth1", "eth2"]) count(ledger, name);
  assert.equal(take(differences), 3);
  assert.equal(ledger.interface("eth1").slots.packets(ALL_SLOT), 3);
});

describe("interfaces that go", () => {
  test("are kept until they are delivered, once they were seen", () => {
    const ledger = new Ledger(new RangeTable([]), 1000);
    const differences = new Differences(ledger);
    count(ledger, "eth0");
    differences.watch();
    ledger.forget("eth0");
    count(ledger, "eth0");
    assert.equal(take(differences), 2);
    count(ledger, "eth0");
    assert.equal(take(differences), 1);
    assert.equal(differences.droppedPackets, 0);
  });

  for (const ranges of [[], [parseRange("0.0.0.1")]]) {
    test(`are dropped and counted if they are too many, ${ranges.length === 0 ? "without" : "with"} ranges`, () => {
      const ledger = new Ledger(new RangeTable(ranges), 1000);
      const differences = new Differences(ledger);
      for (let each = 0; each < KEPT + 10; each++) count(ledger, `eth${each}`);
      differences.watch();
      for (const { name } of ledger.interfaces()) ledger.forget(name);
      differences.watch();
      assert.equal(differences.droppedPackets, 10);
      assert.equal(take(differences), KEPT);
    });
  }

  test("that were delivered are not counted as dropped", () => {
    const ledger = new Ledger(new RangeTable([]), 1000);
    const differences = new Differences(ledger);
    for (let each = 0; each < KEPT + 10; each++) count(ledger, `eth${each}`);
    assert.equal(take(differences), KEPT + 10);
    for (const { name } of ledger.interfaces()) ledger.forget(name);
    differences.watch();
    assert.equal(differences.droppedPackets, 0);
  });
});

test("what was not taken is a difference again", () => {
  const ledger = new Ledger(new RangeTable([]), 1000);
  const differences = new Differences(ledger);
  count(ledger, "eth0");
  const [given] = differences.batches();
  assert.deepEqual(
    given?.counted.map(({ packets, bytes }) => [packets, bytes]),
    [[1, 100]],
  );
  count(ledger, "eth0");
  assert.equal(take(differences), 2);
  assert.equal(take(differences), 0);
});

test("what VLANs have counted is delivered once, also by other ranges", () => {
  for (const ranges of [[], ["0.0.0.1"]]) {
    const ledger = new Ledger(new RangeTable(ranges.map(parseRange)), 1000, [], { maxVlans: 2 });
    const differences = new Differences(ledger);
    const countIn = (...vlans: readonly number[]): void => {
      for (const vlan of vlans) {
        const packet = packetOf({ version: 4, source: 1n, destination: 2n, protocol: TCP, lengthBytes: 100 });
        packet.vlan = vlan;
        ledger.interface("eth0").sink.record(packet);
      }
    };
    countIn(0, 7, 7, 8, 9);
    assert.equal(take(differences), 5);
    assert.equal(take(differences), 0);
    countIn(7, 9);
    if (ranges.length > 0) ledger.rerange(new RangeTable(["0.0.0.0", "0.0.0.1"].map(parseRange)), 1000);
    countIn(0, 8);
    assert.equal(take(differences), 4);
    assert.equal(take(differences), 0);
  }
});

describe("addresses that give their series to others", () => {
  /** Packets by address, or other, of all batches; `given` is called while each is on its way. */
  function takeByAddress(differences: Differences, given = (): void => {}): Record<string, number> {
    const packets: Record<string, number> = {};
    for (const batch of differences.batches()) {
      for (const { ledger, row, packets: more } of batch?.counted ?? []) {
        const name = ledger.rows.isOther(row!) ? "other" : String(ledger.rows.addressWord(row!, 0));
        packets[name] = (packets[name] ?? 0) + more;
      }
      given();
      batch?.take();
    }
    return packets;
  }

  function site(): { ledger: Ledger; differences: Differences; send: (...hosts: number[]) => void; look: () => void } {
    const ledger = new Ledger(new RangeTable([parseRange("0.0.0.0/24")]), 2);
    const send = (...hosts: number[]): void => {
      for (const host of hosts) {
        const packet = {
          version: 4 as const,
          source: BigInt(host),
          destination: 2n ** 31n,
          protocol: TCP,
          lengthBytes: 100,
        };
        ledger.interface("eth0").record(packetOf(packet));
      }
    };
    const look = (): void => void [...ledger.look(), ...ledger.look()];
    return { ledger, differences: new Differences(ledger), send, look };
  }

  test("are delivered once: what was left of theirs is delivered as other", () => {
    const { differences, send, look } = site();
    send(1, 1, 2);
    assert.deepEqual(takeByAddress(differences), { 1: 2, 2: 1 });
    send(1, 2, 2, 2);
    look();
    send(3, 4, 4);
    assert.deepEqual(takeByAddress(differences), { 3: 1, 4: 2, other: 4 });
    look();
    send(1, 3);
    assert.deepEqual(takeByAddress(differences), { 1: 1, 3: 1 });
  });

  test("may do so while a batch with theirs is on its way", () => {
    const { ledger, differences, send, look } = site();
    send(1, 1, 2);
    look();
    const given = takeByAddress(differences, () => send(3));
    assert.deepEqual(given, { 1: 2, 2: 1 });
    assert.equal(ledger.interface("eth0").addresses.evicted, 1);
    assert.deepEqual(takeByAddress(differences), { 3: 1 });
    send(2);
    assert.deepEqual(takeByAddress(differences), { 2: 1 });
  });
});
