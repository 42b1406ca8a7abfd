import assert from "node:assert/strict";
import { test } from "node:test";
import { Top } from "../../src/top/top.ts";

const options = { timeout: 30_000 };

test("it ends if that is asked for before there is a first answer", options, async () => {
  const controller = new AbortController();
  const top = new Top(() => new Promise(() => {})).run(controller.signal);
  controller.abort();
  await top;
});

test("it ends if that was asked for before it began", options, async () => {
  await new Top(() => assert.fail("it asks")).run(AbortSignal.abort());
});
