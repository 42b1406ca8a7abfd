import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { type RingHolder, RingShares } from "../../../src/capture/ring/ring-shares.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Has a ring of this size, or would like to. */
class Holder implements RingHolder {
  ringBytes = 0;
  canChange = true;

  static async open(shares: RingShares, siblings: number): Promise<Holder> {
    const holder = new Holder();
    holder.ringBytes = await shares.claim(siblings);
    shares.hold(holder, holder.ringBytes);
    return holder;
  }

  async resize(ringBytes: number): Promise<boolean> {
    if (this.canChange) this.ringBytes = ringBytes;
    return this.canChange;
  }
}

function sum(holders: readonly Holder[]): number {
  return holders.reduce((total, { ringBytes }) => total + ringBytes, 0);
}

async function many(shares: RingShares, count: number, siblings: (before: number) => number): Promise<Holder[]> {
  const holders: Holder[] = [];
  for (let before = 0; before < count; before++) holders.push(await Holder.open(shares, siblings(before)));
  return holders;
}

describe("the memory of rings that share", () => {
  for (const [count, ringBytes] of [
    [1, 16 * MIB],
    [4, 16 * MIB],
    [5, 8 * MIB],
    [51, 1 * MIB],
    [366, 128 * KIB],
    [1024, 64 * KIB],
  ] as const) {
    test(`is the same for each of ${count} that are there at once`, async () => {
      const holders = await many(new RingShares(), count, () => count);
      assert.deepEqual(new Set(holders.map((holder) => holder.ringBytes)), new Set([ringBytes]));
    });
  }

  test("is taken from the largest for those that come later, and never exceeded", async () => {
    const shares = new RingShares();
    const holders: Holder[] = [];
    for (let count = 1; count <= 1024; count++) {
      holders.push(await Holder.open(shares, count));
      assert.ok(sum(holders) <= 64 * MIB, `${sum(holders)} bytes of ${count} rings`);
      const fair = Math.min(16 * MIB, Math.max(64 * KIB, (64 * MIB) / count));
      const sizes = holders.map(({ ringBytes }) => ringBytes);
      assert.ok(Math.min(...sizes) >= fair / 4 && Math.max(...sizes) <= 4 * fair, `${sizes.join()} of ${count}`);
    }
    await assert.rejects(shares.claim(1025), /couldn't make a ring: 1024 interfaces have the 64 MiB/);
    shares.release(holders.pop()!);
    await Holder.open(shares, 1024);
  });

  test("goes to a ring that fills up, as long as something is left", async () => {
    const shares = new RingShares(8 * MIB);
    const [first, second] = (await many(shares, 2, () => 8)) as [Holder, Holder];
    for (const ringBytes of [2 * MIB, 4 * MIB, 4 * MIB]) {
      await shares.grow(first);
      assert.equal(first.ringBytes, ringBytes);
    }
    await shares.grow(second);
    assert.equal(second.ringBytes, 2 * MIB);
    shares.release(first);
    await shares.grow(first);
    assert.equal(first.ringBytes, 4 * MIB, "what was closed grows no more");
    await shares.grow(second);
    assert.equal(second.ringBytes, 4 * MIB);
  });

  test("stays where it is if a ring can't be changed", async () => {
    const shares = new RingShares(1 * MIB);
    const first = await Holder.open(shares, 1);
    first.canChange = false;
    await assert.rejects(Holder.open(shares, 2), /couldn't make a ring/);
    first.canChange = true;
    assert.equal((await Holder.open(shares, 2)).ringBytes, 512 * KIB);
    assert.equal(first.ringBytes, 512 * KIB);
  });

  test("is never exceeded, nor lost, whatever rings come, grow and go", async () => {
    const steps = fc.array(fc.tuple(fc.constantFrom("open", "open", "open failing", "grow", "close"), fc.nat(100)));
    const property = fc.asyncProperty(steps, async (list) => {
      const shares = new RingShares(MIB);
      const holders: Holder[] = [];
      for (const [step, at] of list) {
        const holder = holders[at % holders.length];
        if (step === "open") {
          const opened = await Holder.open(shares, holders.length + 1).catch(() => undefined);
          if (opened !== undefined) holders.push(opened);
        }
        if (step === "open failing") shares.giveBack(await shares.claim(at).catch(() => 0));
        if (step === "grow" && holder !== undefined) await shares.grow(holder);
        if (step === "close" && holder !== undefined) {
          shares.release(holder);
          holders.splice(at % holders.length, 1);
        }
        assert.ok(sum(holders) <= MIB);
        assert.ok(holders.every(({ ringBytes }) => ringBytes >= 64 * KIB));
      }
      for (const holder of holders) shares.release(holder);
      assert.equal(await shares.claim(1), MIB);
    });
    await fc.assert(property, { numRuns: 200 });
  });
});
