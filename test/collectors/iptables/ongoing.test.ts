import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Ongoing } from "../../../src/collectors/iptables/ongoing.ts";

const soon = (): number => performance.now() + 5;
const never = (): number => performance.now() + 60_000;

/** Work that the test ends. */
class Work {
  readonly runs: PromiseWithResolvers<string>[] = [];
  readonly begin = (): Promise<string> => {
    const run = Promise.withResolvers<string>();
    this.runs.push(run);
    return run.promise;
  };
}

describe("ongoing work", () => {
  test("that is done in time is begun for each that asks", async () => {
    const ongoing = new Ongoing<number>(() => 0);
    let runs = 0;
    for (let k = 1; k <= 3; k++) {
      const result = await ongoing.result(never(), async () => ++runs);
      assert.deepEqual(result, { value: k, ageSeconds: 0 });
    }
  });

  test("that is late goes on, is shared, and is there for the next that asks", async () => {
    const ongoing = new Ongoing<string>(() => 0);
    const work = new Work();
    assert.equal(await ongoing.result(soon(), work.begin), undefined);
    const waiting = [ongoing.result(never(), work.begin), ongoing.result(never(), work.begin)];
    assert.equal(work.runs.length, 1);
    work.runs[0]!.resolve("one");
    for (const result of await Promise.all(waiting)) assert.deepEqual(result, { value: "one", ageSeconds: 0 });
    const late = await ongoing.result(soon(), work.begin);
    assert.equal(work.runs.length, 2);
    assert.equal(late!.value, "one");
    assert.ok(late!.ageSeconds > 0);
    work.runs[1]!.resolve("two");
    await ongoing.settled();
    assert.equal((await ongoing.result(soon(), work.begin))!.value, "two");
  });

  test("rests for as long as it is told, and what it came to stands until then", async () => {
    const took: number[] = [];
    const ongoing = new Ongoing<number>((tookMs) => {
      took.push(tookMs);
      return 60_000;
    });
    let runs = 0;
    const run = async (): Promise<number> => ++runs;
    assert.deepEqual(await ongoing.result(never(), run), { value: 1, ageSeconds: 0 });
    const again = await ongoing.result(never(), run);
    assert.equal(again!.value, 1);
    assert.ok(again!.ageSeconds >= 0 && took[0]! >= 0);
    assert.equal(runs, 1);
  });

  test("that fails is begun again for the next that asks", async () => {
    const ongoing = new Ongoing<number>(() => 0);
    const fail = async (): Promise<number> => {
      throw new Error("failed");
    };
    await assert.rejects(ongoing.result(never(), fail), /^Error: failed$/);
    await ongoing.settled();
    assert.deepEqual(await ongoing.result(never(), async () => 1), { value: 1, ageSeconds: 0 });
  });

  test("too old is none", async (context) => {
    context.mock.timers.enable({ apis: ["setTimeout"] });
    const ongoing = new Ongoing<number>(() => Number.POSITIVE_INFINITY);
    const now = context.mock.method(performance, "now", () => 0);
    await ongoing.result(1, async () => 1);
    now.mock.mockImplementation(() => 299_999);
    assert.deepEqual(await ongoing.result(300_001, async () => 2), { value: 1, ageSeconds: 299.999 });
    now.mock.mockImplementation(() => 300_001);
    assert.equal(await ongoing.result(300_002, async () => 2), undefined);
  });
});
