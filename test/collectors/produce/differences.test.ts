import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Differences } from "../../../src/collectors/produce/differences.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
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
  const ledger = new Ledger(new RangeTable([parseRange("0.0.0.1")]), 1000, 0);
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

describe("interfaces that go", () => {
  test("are kept until they are delivered, once they were seen", () => {
    const ledger = new Ledger(new RangeTable([]), 1000, 0);
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
    test(`are dropped and counted where they are too many, ${ranges.length === 0 ? "without" : "with"} ranges`, () => {
      const ledger = new Ledger(new RangeTable(ranges), 1000, 0);
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
    const ledger = new Ledger(new RangeTable([]), 1000, 0);
    const differences = new Differences(ledger);
    for (let each = 0; each < KEPT + 10; each++) count(ledger, `eth${each}`);
    assert.equal(take(differences), KEPT + 10);
    for (const { name } of ledger.interfaces()) ledger.forget(name);
    differences.watch();
    assert.equal(differences.droppedPackets, 0);
  });
});

test("what was not taken is a difference again", () => {
  const ledger = new Ledger(new RangeTable([]), 1000, 0);
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
