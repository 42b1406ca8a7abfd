import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Dispenser, dispenserBytes, queueLength } from "../../../../src/capture/bpf/tables/dispenser.ts";

const QUEUE = 8;
const FIRST = 3;
const CAPACITY = 20;
const PLACE = { offset: 8, capacity: CAPACITY, queue: QUEUE };

/** A dispenser, and what a program does with it: see take-writer.ts. */
function site(): { dispenser: Dispenser; tickets: BigUint64Array; take: () => number | undefined } {
  const memory = new ArrayBuffer(8 + dispenserBytes(PLACE));
  const dispenser = new Dispenser(memory, PLACE, FIRST);
  const tickets = new BigUint64Array(memory, 8, 2);
  const queue = new Uint32Array(memory, 24, QUEUE);
  const take = (): number | undefined => {
    if (tickets[0]! >= tickets[1]!) return undefined;
    const ticket = Number(tickets[0]!++);
    return ticket < CAPACITY ? ticket : queue[ticket % QUEUE];
  };
  return { dispenser, tickets, take };
}

describe("a dispenser", () => {
  test("gives out every number once, and then those that were given back", () => {
    const { dispenser, take } = site();
    assert.deepEqual([dispenser.left, dispenser.highest], [17, FIRST]);
    const taken = Array.from({ length: 18 }, take);
    assert.deepEqual(taken, [...Array.from({ length: 17 }, (_, k) => k + FIRST), undefined]);
    assert.deepEqual([dispenser.left, dispenser.highest], [0, CAPACITY]);
    dispenser.give([7, 5, 11]);
    assert.deepEqual([...dispenser.pending()], [7, 5, 11]);
    assert.deepEqual([take(), take(), take(), take()], [7, 5, 11, undefined]);
  });

  test("has room for as many as its queue holds, and for more when programs have looked up theirs", () => {
    const { dispenser, take } = site();
    while (take() !== undefined);
    const before = dispenser.next;
    assert.equal(dispenser.room(before), QUEUE);
    dispenser.give([3, 4, 5, 6, 7, 8]);
    for (let k = 0; k < 5; k++) take();
    assert.equal(dispenser.room(before), 2);
    assert.equal(dispenser.room(dispenser.next), 7);
  });

  test("passes over tickets that were taken beyond the end", () => {
    const { dispenser, tickets, take } = site();
    while (take() !== undefined);
    tickets[0]! += 3n;
    assert.deepEqual([dispenser.left, dispenser.room(dispenser.next), [...dispenser.pending()]], [0, QUEUE, []]);
    dispenser.give([9, 8]);
    assert.deepEqual([take(), take(), take()], [9, 8, undefined]);
  });

  test("counts on beyond 2^32 tickets", () => {
    const { dispenser, tickets, take } = site();
    tickets.fill(2n ** 40n);
    dispenser.give([4, 5]);
    assert.deepEqual([dispenser.next, dispenser.left, take(), take(), take()], [2 ** 40, 2, 4, 5, undefined]);
  });

  test("never has a number that is somebody's, however numbers are taken and given back", () => {
    const steps = fc.array(fc.oneof(fc.constant("take" as const), fc.nat(CAPACITY)), { maxLength: 300 });
    fc.assert(
      fc.property(steps, (list) => {
        const { dispenser, take } = site();
        const taken = new Set<number>();
        for (const step of list) {
          if (step === "take") {
            const number = take();
            assert.ok(number === undefined || (!taken.has(number) && number >= FIRST && number < CAPACITY));
            if (number !== undefined) taken.add(number);
          } else {
            const some = [...taken].slice(0, Math.min(step, dispenser.room(dispenser.next)));
            for (const number of some) taken.delete(number);
            dispenser.give(some);
          }
          assert.ok([...dispenser.pending()].every((number) => !taken.has(number)));
        }
      }),
    );
  });
});

test("a queue is a power of two, and no longer than a quarter of many numbers", () => {
  const lengths = [10, 1000, 2048, 70_000, 1_000_000].map(queueLength);
  assert.deepEqual(lengths, [64, 128, 512, 16_384, 16_384]);
});
