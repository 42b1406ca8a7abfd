import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { before, describe, test } from "node:test";
import type { Engine } from "../../../src/capture/engine.ts";
import { type Link, Links } from "../../../src/capture/links.ts";
import { RingBudget, ringKind } from "../../../src/capture/ring/ring-engine.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { lacking } from "../../support/requirements.ts";
import { enterPrivateNetwork, ip } from "../private-network.ts";

const MIB = 2 ** 20;

/** Opens `count` rings, one after the other, and returns how large they are in MiB. */
function sharesOf(budget: RingBudget, count: number, siblings: (before: number) => number): number[] {
  return Array.from({ length: count }, (_, before) => {
    const bytes = budget.shareBytes(siblings(before));
    budget.hold(bytes);
    return bytes / MIB;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Memory of packet sockets that this process has mapped, as the kernel lists it, in MiB. */
function mappedMib(): number {
  const sockets = readFileSync("/proc/self/maps", "utf8").matchAll(/^(\w+)-(\w+) .* socket:\[\d+\]$/gm);
  return sum([...sockets].map(([, start, end]) => (parseInt(end!, 16) - parseInt(start!, 16)) / MIB));
}

describe("the memory of rings", () => {
  test("is 32 MiB for each of a few", () => {
    assert.deepEqual(
      sharesOf(new RingBudget(), 4, () => 4),
      [32, 32, 32, 32],
    );
  });

  test("is shared by all interfaces that are there", () => {
    assert.equal(new RingBudget().shareBytes(16), 16 * MIB);
    assert.equal(new RingBudget().shareBytes(1000), 2 * MIB);
  });

  test("leaves as much to those that come later as each of them takes, down to 2 MiB", () => {
    const shares = sharesOf(new RingBudget(), 14, (before) => before + 1);
    assert.deepEqual(shares.slice(0, 7), [32, 32, 32, 32, 32, 32, 32]);
    assert.deepEqual(shares.slice(7), [16, 8, 4, 2, 2, 2, 2]);
  });

  test("stays below 256 MiB, but for 2 MiB for each interface that finds nothing left", () => {
    const shares = sharesOf(new RingBudget(), 100, (before) => before + 1);
    assert.equal(sum(shares.filter((mib) => mib > 2)), 7 * 32 + 16 + 8 + 4);
    assert.equal(shares.filter((mib) => mib === 2).length, 90);
  });
});

describe("the rings of the ring engine", { skip: lacking("root", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
  });

  for (const wireSizes of [false, true]) {
    test(`take what the budget has left, and give it back, ${wireSizes ? "with" : "without"} wire sizes`, async () => {
      using links = Links.open();
      const link = links.find("lo")!;
      const kind = ringKind({ wireSizes }, new RingBudget(32 * MIB));
      const engines: Engine[] = [];
      const grows = async (siblings: number): Promise<number> => {
        const before = mappedMib();
        engines.push(await kind.open(link, new Ledger(new RangeTable([]), 0).interface("lo"), siblings));
        return mappedMib() - before;
      };
      assert.deepEqual([await grows(1), await grows(1), await grows(1)], [16, 8, 4]);
      await engines[0]![Symbol.asyncDispose]();
      await engines[0]![Symbol.asyncDispose]();
      assert.deepEqual([await grows(1), await grows(16)], [10, 2]);
      for (const engine of engines) await engine[Symbol.asyncDispose]();
      assert.equal(mappedMib(), 0);
    });
  }

  test("hold nothing of an interface that could not be opened", async () => {
    const gone: Link = {
      name: "gone0",
      altNames: [],
      index: 9999,
      isUp: true,
      isLoopback: false,
      hardwareType: 1,
      isEthernet: true,
      kind: "",
      masterIndex: 0,
      lowerIndex: 0,
    };
    const budget = new RingBudget(16 * MIB);
    const ledger = new Ledger(new RangeTable([]), 0).interface("gone0");
    await assert.rejects(ringKind({}, budget).open(gone, ledger, 1), /gone0/);
    assert.equal(budget.shareBytes(1), 8 * MIB);
  });
});
