import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { constants } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { outliveSignals, watchHangups } from "../../src/cli/signals.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { end, startWith } from "./program.ts";

const SERVE = `
  const kept = setInterval(() => {}, 1000);
  signal.addEventListener("abort", () => { process.stdout.write("aborted\\n"); FINISH });
  process.stdout.write("ready\\n");
  await new Promise((resolve) => { globalThis.finish = () => { clearInterval(kept); resolve(); }; });
`;

for (const name of ["SIGTERM", "SIGINT", "SIGQUIT"] as const) {
  test(`${name} aborts the daemon and is logged, and the status is 0 when it has ended`, async () => {
    const child = startWith({ run: SERVE.replace("FINISH", "finish();") });
    child.stdout.once("data", () => child.kill(name));
    const { status, stdout, stderr } = await end(child);
    assert.deepEqual({ status, stdout }, { status: 0, stdout: "ready\naborted\n" });
    assert.match(stderr, new RegExp(`^time=\\S+ level=info msg=stopping signal=${name}\n$`));
  });
}

test("a second signal ends the program at once", async () => {
  const child = startWith({ run: SERVE.replace("FINISH", "") });
  child.stdout.on("data", () => child.kill("SIGTERM"));
  const { status, signal, stdout } = await end(child);
  assert.deepEqual({ status, signal, stdout }, { status: null, signal: "SIGTERM", stdout: "ready\naborted\n" });
});

/** SIGUSR1 is blocked in the binary only: test/binary. */
const SURVIVED = ["HUP", "USR2", "PIPE", "ALRM", "VTALRM", "PROF", "IO", "PWR", "STKFLT", "XCPU", "XFSZ"] as const;
/** Node ignores these itself. */
const SILENT: readonly string[] = ["PIPE", "XFSZ"];

for (const name of SURVIVED.map((name) => `SIG${name}` as const)) {
  test(`${name} does not end the program`, async () => {
    const child = startWith({ run: SERVE.replace("FINISH", "finish();") });
    await once(child.stdout, "data");
    child.kill(name);
    if (!SILENT.includes(name.slice(3))) {
      const [line] = await once(child.stderr, "data");
      assert.match(String(line), new RegExp(`^time=\\S+ level=\\w+ msg=.* signal=${name}\n$`));
    }
    child.kill("SIGTERM");
    assert.equal((await end(child)).status, 0);
  });
}

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

test("what does not end is told and ended by the signal", { timeout: 60_000 }, async () => {
  const child = startWith({ run: SERVE.replace("FINISH", "") });
  const lines = text(child.stderr);
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  const [status, signal] = await once(child, "close");
  assert.deepEqual({ status, signal }, { status: null, signal: "SIGTERM" });
  assert.match(
    await lines,
    /msg=stopping .*\n.* level=error msg="couldn't stop in time; ends at once" signal=SIGTERM\n$/,
  );
});

/* By the program's clock, which stands still but for these steps: of a loaded machine real time shows nothing. */
for (const [seconds, ends] of [
  [2.5, false],
  [3, true],
] as const) {
  test(`what has not ended in ${seconds} s is ${ends ? "" : "not "}ended by the signal`, async () => {
    const clock = `const { mock } = await import("node:test"); mock.timers.enable({ apis: ["setTimeout"] });`;
    const child = startWith({ run: clock + SERVE.replace("FINISH", `mock.timers.tick(${seconds * 1000}); finish();`) });
    child.stdout.once("data", () => child.kill("SIGTERM"));
    const { status, signal, stderr } = await end(child);
    assert.deepEqual({ status, signal }, ends ? { status: null, signal: "SIGTERM" } : { status: 0, signal: null });
    assert.equal(stderr.includes("couldn't stop in time"), ends);
  });
}

test("a thread that waits for a file does not hold the end", async () => {
  using folder = new TemporaryFolder();
  const fifo = join(folder.path, "fifo");
  execFileSync("mkfifo", [fifo]);
  const wait = `(await import("node:fs")).open(${JSON.stringify(fifo)}, () => {});`;
  const child = startWith({ run: wait + SERVE.replace("FINISH", "finish();") });
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  assert.equal((await end(child)).status, 0);
});

const ROOT = { skip: lacking("root", "unshare", "pgrep") };

test("the first process of a container, which the kernel spares, ends all the same", ROOT, async () => {
  const prefix = ["unshare", "--pid", "--fork", "--kill-child"];
  const child = startWith({ run: SERVE.replace("FINISH", ""), prefix });
  child.stdout.on("data", () => process.kill(Number(execFileSync("pgrep", ["-P", `${child.pid}`])), "SIGTERM"));
  assert.equal((await end(child)).status, 128 + constants.signals.SIGTERM);
});

test("a program that has nothing left to wait for, and is not done, says so", async () => {
  const { status, stderr } = await end(startWith({ run: "await new Promise(() => {});" }));
  assert.equal(status, 70);
  assert.match(stderr, /^Error: nothing is left to wait for, and the work is not done\n/);
});
