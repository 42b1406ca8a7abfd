import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { Parts } from "../../src/daemon/parts.ts";

const PARTS = new URL("../../src/daemon/parts.ts", import.meta.url).href;

/** A part that tells its end to a list. */
function part(name: string, ended: string[], error?: Error): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await new Promise(setImmediate);
      ended.push(name);
      if (error !== undefined) throw error;
    },
  };
}

test("parts end in reverse, all of them, and the first error comes out", async () => {
  const ended: string[] = [];
  const parts = new Parts();
  parts.use("first", part("first", ended, new Error("of the first")));
  parts.use("second", { [Symbol.dispose]: () => void ended.push("second") });
  parts.use("third", part("third", ended, new Error("of the third")));
  await assert.rejects(async () => parts[Symbol.asyncDispose](), { message: "of the third" });
  assert.deepEqual(ended, ["third", "second", "first"]);
});

test("a part that comes after the end is ended at once", async () => {
  const ended: string[] = [];
  const parts = new Parts();
  await parts[Symbol.asyncDispose]();
  parts.use("late", { [Symbol.dispose]: () => void ended.push("late") });
  assert.deepEqual(ended, ["late"]);
});

test("a part that does not end is named in the log and left behind, and the others get their turn", async () => {
  const program = `
    import { Parts } from ${JSON.stringify(PARTS)};
    const parts = new Parts(50);
    parts.use("server", { [Symbol.dispose]: () => console.log("server ended") });
    parts.use("broker", { [Symbol.asyncDispose]: () => new Promise(() => {}) });
    await parts[Symbol.asyncDispose]();`;
  const node = ["--input-type=module-typescript", "-e", program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, node);
  assert.equal(stdout, "server ended\n");
  assert.match(stderr, /^time=\S+ level=error msg="left behind what did not end in time" part=broker\n$/);
});
