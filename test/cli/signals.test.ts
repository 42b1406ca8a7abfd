import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { outliveSignals, watchHangups } from "../../src/cli/signals.ts";

test("a SIGHUP that nobody listens to yet is told once somebody does", async () => {
  outliveSignals();
  const hangup = once(process, "SIGHUP");
  process.kill(process.pid, "SIGHUP");
  await hangup;
  let told = 0;
  await new Promise<void>((resolve) => {
    using _ = watchHangups(() => resolve(void told++));
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  using _ = watchHangups(() => resolve(void told++));
  process.kill(process.pid, "SIGHUP");
  await promise;
  assert.equal(told, 2);
});
