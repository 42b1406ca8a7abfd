import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const LOG = new URL("../src/log.ts", import.meta.url);

/** Lines on stderr of a program that logs; what it prints on stdout fails the test. */
async function linesOf(body: string): Promise<string[]> {
  const program = `import { configureLog, log } from ${JSON.stringify(LOG)};\n${body}`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", program]);
  assert.equal(stdout, "");
  return stderr.split("\n").slice(0, -1);
}

const TIME = /^time=(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z) /;

test("a line has time, level, message and fields, the form being logfmt at first", async () => {
  const before = Date.now();
  const [line = ""] = await linesOf(
    `log.info("listening on", { address: "[::1]:9112", count: 3, up: true, big: 5n });`,
  );
  const time = Date.parse(TIME.exec(line)?.[1] ?? "");
  assert(time >= before && time <= Date.now());
  assert.equal(line.replace(TIME, ""), 'level=info msg="listening on" address=[::1]:9112 count=3 up=true big=5');
});

test("a value in logfmt is quoted if it could be taken for something else", async () => {
  const values = ["", "a b", 'a"b', "a=b", "a\nlevel=error", "a\u001b[31m", "a\u009b31m", "a\u202eb", "é", "C:\\dir"];
  const lines = await linesOf(`for (const a of ${JSON.stringify(values)}) log.info("x", { a });`);
  assert.deepEqual(
    lines.map((line) => line.slice(line.indexOf(" a=") + 3)),
    [
      '""',
      '"a b"',
      '"a\\"b"',
      '"a=b"',
      '"a\\nlevel=error"',
      '"a\\u001b[31m"',
      '"a\\u009b31m"',
      '"a\\u202eb"',
      "é",
      "C:\\dir",
    ],
  );
});

test("a line of JSON holds the same", async () => {
  const [line = ""] = await linesOf(
    `configureLog("info", "json"); log.warn("a\\nb", { count: 3, big: 2n ** 60n, error: new Error("no such\\u009b") });`,
  );
  assert(!line.includes("\u009b"));
  const { time, ...rest } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d{2}-\d{2}T[\d:.]{12}Z$/);
  assert.deepEqual(rest, { level: "warn", msg: "a\nb", count: 3, big: "1152921504606846976", error: "no such\u009b" });
});

const LEVELS = ["debug", "info", "warn", "error"];

for (const [index, level] of LEVELS.entries()) {
  test(`at level ${level} nothing less severe is written`, async () => {
    const calls = LEVELS.map((name) => `log.${name}("x");`).join("");
    const lines = await linesOf(`configureLog("${level}", "json"); ${calls}`);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).level),
      LEVELS.slice(index),
    );
  });
}

test("lines that repeat are all written, at once", async () => {
  const lines = await linesOf(`for (let n = 0; n < 50; n++) log.error("down"); process.exit();`);
  assert.equal(lines.length, 50);
});
