import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Outcome, Program } from "../../../src/collectors/iptables/program.ts";
import { until } from "../../support/waiting.ts";
import { FakePrograms } from "./fake-programs.ts";

/** Far enough for all that ends by itself. */
const IN_TIME_MS = 60_000;
const TIMEOUT = { timeout: 60_000 };

interface Ran extends Outcome {
  stdout: string;
}

async function run(
  path: string,
  args: string[] = [],
  ms = IN_TIME_MS,
  signal = new AbortController().signal,
): Promise<Ran> {
  const chunks: Uint8Array[] = [];
  const limits = { deadline: performance.now() + ms, signal };
  const outcome = await new Program(path).run(args, (bytes) => chunks.push(bytes.slice()), limits);
  return { ...outcome, stdout: Buffer.concat(chunks).toString() };
}

/** Whether a process is there and not a zombie. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe("a program", TIMEOUT, () => {
  test("is run with its arguments, LC_ALL=C alone, and nothing to read", async () => {
    using fakes = new FakePrograms();
    process.env["PROMTAP_TEST_SECRET"] = "1";
    const path = fakes.add("p", 'echo "$@"; /usr/bin/env | grep -v -E "^(PWD|SHLVL|_|OLDPWD)="; pwd; cat; echo end');
    assert.deepEqual(await run(path, ["a b", "$HOME"]), {
      exitStatus: 0,
      error: undefined,
      stderr: "",
      stdout: "a b $HOME\nLC_ALL=C\n/\nend\n",
    });
    delete process.env["PROMTAP_TEST_SECRET"];
  });

  test("that fails tells its exit status, and what it said", async () => {
    using fakes = new FakePrograms();
    const { exitStatus, error, stderr } = await run(fakes.add("p", "echo no such luck >&2; exit 4"));
    assert.deepEqual([exitStatus, error, stderr], [4, "ended with exit status 4", "no such luck"]);
  });

  test("that is ended by a signal tells so", async () => {
    using fakes = new FakePrograms();
    const { exitStatus, error } = await run(fakes.add("p", "kill -TERM $$"));
    assert.deepEqual([exitStatus, error], [null, "was ended by SIGTERM"]);
  });

  test("that is missing, or no program, is an error", async () => {
    using fakes = new FakePrograms();
    assert.match((await run(`${fakes.path}/missing`)).error!, /^couldn't be started: .*ENOENT/);
    assert.match((await run(fakes.path)).error!, /^couldn't be started: .*EACCES/);
  });

  test("that Node refuses to start is an error", async () => {
    const { error } = await run("/bin/echo", ["a\0b"]);
    assert.match(error!, /^couldn't be started: .*null bytes/);
  });

  test("that hangs is killed at the deadline, with all that it has started", async () => {
    using fakes = new FakePrograms();
    const path = fakes.add("p", 'echo begun; sleep 1000 & echo $! >>"$0.log"; sleep 1000');
    const running = run(path, [], 1000);
    const [pid] = await until("it has started another", () => (fakes.log("p").length > 0 ? fakes.log("p") : undefined));
    assert.ok(isAlive(Number(pid)));
    const { error, stdout } = await running;
    assert.deepEqual([error, stdout], ["took too long and was killed", "begun\n"]);
    await until("the other is gone", () => !isAlive(Number(pid)));
  });

  test("that ends and leaves its output open to another is killed too", async () => {
    using fakes = new FakePrograms();
    const { error } = await run(fakes.add("p", "sleep 1000 & exit 0"), [], 500);
    assert.equal(error, "took too long and was killed");
  });

  test("that is out of reach, in a session of its own, holds nobody up", async () => {
    using fakes = new FakePrograms();
    const path = fakes.add("p", "setsid sh -c \"echo \\$\\$ >>'$0.log'; sleep 1000\" & wait");
    const { error } = await run(path, [], 1000);
    assert.equal(error, "took too long and was killed");
    process.kill(Number(fakes.log("p")[0]), "SIGKILL");
  });

  test("that floods its output is killed at 100 MB", async () => {
    using fakes = new FakePrograms();
    const path = fakes.add("p", "exec cat /dev/zero");
    let bytes = 0;
    const limits = { deadline: performance.now() + IN_TIME_MS, signal: new AbortController().signal };
    const { error } = await new Program(path).run([], (chunk) => (bytes += chunk.length), limits);
    assert.equal(error, "printed more than 100 MB");
    assert.ok(bytes <= 100e6 && bytes > 99e6);
  });

  test("that floods standard error is killed too, and 4 KiB of that are kept", async () => {
    using fakes = new FakePrograms();
    const { error, stderr } = await run(fakes.add("p", "exec tr '\\0' x </dev/zero >&2"));
    assert.equal(error, "printed more than 100 MB");
    assert.equal(stderr, "x".repeat(4096));
  });

  test("whose output the reader refuses is ended with the reader's words", async () => {
    using fakes = new FakePrograms();
    const limits = { deadline: performance.now() + IN_TIME_MS, signal: new AbortController().signal };
    const refuse = (): never => {
      throw new Error("not that");
    };
    const { error } = await new Program(fakes.add("p", "exec cat /dev/zero")).run([], refuse, limits);
    assert.equal(error, "not that");
  });

  test("ends when promtap does", async () => {
    using fakes = new FakePrograms();
    const end = new AbortController();
    const running = run(fakes.add("p", 'echo >>"$0.log"; sleep 1000'), [], IN_TIME_MS, end.signal);
    await until("it runs", () => fakes.log("p").length > 0);
    end.abort();
    assert.equal((await running).error, "was killed because promtap ends");
    assert.match((await run("/bin/true", [], IN_TIME_MS, end.signal)).error!, /no time/);
  });

  test("for which there is no time left is not started", async () => {
    using fakes = new FakePrograms();
    const { error } = await run(fakes.add("p", 'echo >>"$0.log"'), [], -1);
    assert.equal(error, "had no time left to run");
    assert.deepEqual(fakes.log("p"), []);
  });

  test("lets the event loop have its turns while it prints much", async () => {
    using fakes = new FakePrograms();
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await run(fakes.add("p", "head -c 20000000 /dev/zero"));
    clearInterval(timer);
    assert.ok(turns > 5, `${turns} turns`);
  });
});
