import assert from "node:assert/strict";
import { test } from "node:test";
import { askThread } from "../../src/native/thread.ts";

const NESTING = "../test/native/nesting-thread.ts";

test("a thread is waited for until it answers, and no longer if it can't", async () => {
  assert.deepEqual(await askThread(NESTING, 3), [[[]]]);
  await assert.rejects(askThread(NESTING, 0), { message: "a thread has ended without an answer" });
  // What it sends can't be put together here.
  await assert.rejects(askThread(NESTING, 8000), RangeError);
  await assert.rejects(askThread("customers/reading/worker.ts", undefined), TypeError);
});
