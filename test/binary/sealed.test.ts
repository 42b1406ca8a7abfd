import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { Namespace } from "../support/namespace.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";
import { BINARY } from "./bare-root.ts";

const execute = promisify(execFile);
const TIMEOUT_MS = 60_000;
const needs = { skip: lacking("root", "ip", "setcap", "setpriv"), timeout: TIMEOUT_MS };

const SIGUSR1 = 10;
/** SIGKILL, what asks for the end, what stops until SIGCONT, and what tells of a crash. */
const EXCEPTED = [9, 2, 3, 15, 19, 20, 21, 22, 4, 5, 6, 7, 8, 11, 31, 32, 33];
const SIGNALS = Array.from({ length: 64 }, (_, index) => index + 1).filter((number) => !EXCEPTED.includes(number));

/** What would have Node listen, end, or run something else. */
const ENVIRONMENT = {
  NODE_OPTIONS: "--inspect=127.0.0.1:9229 --require=/nonexistent.js --enable-source-maps",
  NODE_INSPECT_RESUME_ON_START: "1",
  NODE_REPL_EXTERNAL_MODULE: "/nonexistent.js",
  NODE_CHANNEL_FD: "none",
  NODE_UNIQUE_ID: "1",
  NODE_DEBUG: "http,net",
  NODE_DEBUG_NATIVE: "INSPECTOR_SERVER,INSPECTOR_PROFILER",
  NODE_EXTRA_CA_CERTS: "/nonexistent.pem",
  NODE_ICU_DATA: "/nonexistent",
  NODE_PATH: "/nonexistent",
  NODE_PENDING_DEPRECATION: "1",
  NODE_REDIRECT_WARNINGS: "/nonexistent",
  NODE_TEST_CONTEXT: "child-v8",
  NODE_USE_ENV_PROXY: "1",
  NODE_USE_SYSTEM_CA: "1",
  NODE_V8_COVERAGE: "coverage",
  NODE_COMPILE_CACHE: "cache",
  OPENSSL_CONF: "/nonexistent",
  WATCH_REPORT_DEPENDENCIES: "1",
};

/** The ports that are listened to in the network namespace of a process. */
function listeners(pid: number): number[] {
  const LISTEN = "0A";
  return ["tcp", "tcp6"].flatMap((table) => {
    const rows = readFileSync(`/proc/${pid}/net/${table}`, "latin1").trim().split("\n").slice(1);
    const fields = rows.map((row) => row.trim().split(/\s+/));
    return fields
      .filter(([, , , state]) => state === LISTEN)
      .map(([, local]) => Number.parseInt(local!.split(":")[1]!, 16));
  });
}

function threads(pid: number): { name: string; blocked: bigint }[] {
  return readdirSync(`/proc/${pid}/task`).map((thread) => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, "latin1");
    const [, name = "", blocked = ""] = /^Name:\t(.*)$[^]*^SigBlk:\t(\w+)$/m.exec(status) ?? [];
    return { name, blocked: BigInt(`0x${blocked}`) };
  });
}

async function statusOf(socketPath: string, path: string): Promise<number> {
  const sent = request({ socketPath, path, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}

/** Sends every signal, and shows that the program goes on and that its page is all that is served. */
async function survive(child: ChildProcess, socket: string): Promise<void> {
  const pid = child.pid!;
  await until("promtap is ready", async () => (await statusOf(socket, "/-/ready")) === 200);
  for (const number of SIGNALS) process.kill(pid, number);
  // A listener is told once its turn has come.
  assert.equal(await statusOf(socket, "/metrics"), 200);
  assert.deepEqual(listeners(pid), []);
  for (const { name, blocked } of threads(pid)) assert.ok((blocked >> BigInt(SIGUSR1 - 1)) & 1n, name);
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [0, null]);
}

describe("the binary opens nothing but its page, and goes on", needs, () => {
  test("at every signal, from when it begins, and whatever the environment", async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    const socket = join(folder.path, "http");
    const args = ["-i", "lo", `--web.listen-address=unix:${socket}`];
    const options: SpawnOptions = { cwd: folder.path, env: ENVIRONMENT, stdio: ["ignore", "ignore", "pipe"] };
    const child = namespace.spawn([BINARY, ...args], options);
    let log = "";
    child.stderr!.on("data", (chunk: Buffer) => (log += chunk.toString()));
    const isOurs = (): boolean => readFileSync(`/proc/${child.pid!}/cmdline`, "latin1").startsWith(BINARY);
    await until("Node has begun", () => isOurs() && threads(child.pid!)[0]!.blocked !== 0n);
    child.kill("SIGUSR1");
    await survive(child, socket);
    assert.doesNotMatch(log, /Debugger/);
    assert.deepEqual(readdirSync(folder.path), []);
    assert.match(log, /msg=reloaded cause=SIGHUP$/m);
    for (const line of log.trim().split("\n")) assert.match(line, /^time=/);
  });

  test("with a file capability, for a user without any", async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    const copy = join(folder.path, "promtap");
    copyFileSync(BINARY, copy);
    execFileSync("setcap", ["cap_net_raw+ep", copy]);
    const socket = join(folder.path, "http");
    const nobody = [
      "setpriv",
      "--reuid",
      "65534",
      "--regid",
      "65534",
      "--clear-groups",
      "--bounding-set",
      "-all,+net_raw",
    ];
    const args = ["-i", "lo", "--engine=ring", `--web.listen-address=unix:${socket}`];
    const child = namespace.spawn([...nobody, copy, ...args], {
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "inherit"],
    });
    await survive(child, socket);
  });
});

describe("the binary", { timeout: TIMEOUT_MS }, () => {
  test("has no flags but its own", async () => {
    const scanned = [
      "--env-file",
      "--env-file-if-exists",
      "--experimental-config-file",
      "--experimental-default-config-file",
    ];
    const flags = [
      ...process.allowedNodeEnvironmentFlags,
      ...scanned,
      "--v8-options",
      "--prof",
      "--run",
      "--test",
      "--eval",
    ];
    const given = flags.flatMap((flag) => [flag, "/nonexistent", `${flag}=/nonexistent`]);
    // the first is refused; the others must not have had a meaning before
    for (const argv of [
      ["--foo", ...given],
      ...[...scanned, "--v8-options", "--prof", "--inspect", "--cpu-prof"].map((flag) => [flag]),
    ]) {
      const stderr = new RegExp(`^unknown flag ${argv[0]};.* see promtap --help\n$`);
      await assert.rejects(execute(BINARY, argv, { env: {} }), { code: 2, stdout: "", stderr });
    }
  });

  test("reads no files of Node's in its folder", async () => {
    using folder = new TemporaryFolder();
    writeFileSync(join(folder.path, ".env"), "NODE_OPTIONS=--inspect\n");
    writeFileSync(join(folder.path, "node.config.json"), "{");
    writeFileSync(join(folder.path, "package.json"), "{");
    const { stdout, stderr } = await execute(BINARY, ["--version"], { cwd: folder.path, env: {} });
    assert.match(stdout, /^promtap, version /);
    assert.equal(stderr, "");
  });

  test("works in a folder that was deleted", async () => {
    using folder = new TemporaryFolder();
    const gone = join(folder.path, "gone");
    const script =
      'cd "$1"; rmdir "$1"; "$2" --version >&2; "$2" --geoip --once; "$2" --read nothing --once 2>&1 || exit 0';
    mkdirSync(gone);
    const { stdout, stderr } = await execute("/bin/sh", ["-ec", script, "sh", gone, BINARY], { env: {} });
    assert.match(stderr, /^promtap, version .*\n.*\n.*\n$/);
    assert.match(stdout, /^promtap_collector_success\{collector="geoip"\} 1$/m);
    assert.match(stdout, /^couldn't open nothing: no such file$/m);
  });

  test("is called promtap by ps, whatever its file is called", async () => {
    using folder = new TemporaryFolder();
    const copy = join(folder.path, "copy");
    copyFileSync(BINARY, copy);
    const socket = join(folder.path, "http");
    const child = spawn(copy, ["--geoip", `--web.listen-address=unix:${socket}`], { env: {}, stdio: "ignore" });
    try {
      await until("promtap is ready", async () => (await statusOf(socket, "/-/ready")) === 200);
      assert.equal(readFileSync(`/proc/${child.pid!}/comm`, "latin1"), "promtap\n");
      const told = execFileSync("ps", ["-o", "args=", "-p", `${child.pid!}`], { encoding: "utf8" });
      assert.equal(told, `${copy} --geoip --web.listen-address=unix:${socket}\n`);
    } finally {
      child.kill("SIGKILL");
    }
  });
});
