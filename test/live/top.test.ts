import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Report } from "../../src/status/report.ts";
import { ipv4Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { PROMTAP, RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const URL = "http://127.0.0.1:9112";
const FRAME = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 1000 });
const FLAGS = ["-i", "veth0", "-r", "10.0.0.0/24"];

test("top shows what was sent, to a terminal and to scripts", liveOptions("tmux"), async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const listen = ["--web.listen-address", "127.0.0.1:9112"];
  await using promtap = await RunningPromtap.start(namespace, [...FLAGS, ...listen]);
  await send(namespace, "veth1", [FRAME], { count: 500 });
  const look = async (): Promise<Report> => {
    const { stdout, stderr, status } = await runPromtap(namespace, ["top", "--once", "--json"]);
    assert.equal(status, 0, stderr);
    return JSON.parse(stdout) as Report;
  };
  const line = await until("the sum is told", async () => {
    return (await look()).tops[0]?.bySum.find(({ name, sum }) => name === "10.0.0.2" && sum === 500_000);
  });
  assert.equal(line.where, "veth0");
  assert.equal(line.history.length > 0, true, "it waits for rates");

  using folder = new TemporaryFolder();
  const tmux = (...args: readonly string[]) => namespace.run("tmux", "-S", join(folder.path, "tmux"), ...args);
  // exec, so that the process of the pane is promtap itself
  const top = [...PROMTAP, "top", "--url", URL].join(" ");
  const begin = (command: string) => tmux("new-session", "-d", "-x", "80", "-y", "24", command);
  begin(`exec ${top}`);
  try {
    const shows = (what: RegExp) => until(`${what} is shown`, () => what.test(tmux("capture-pane", "-p")));
    await shows(/\[interfaces\].*addresses[^]*^veth0 +up/m);
    assert.equal(tmux("display-message", "-p", "#{wrap_flag}").trim(), "0");
    tmux("send-keys", "Tab", "s");
    await shows(/^10\.0\.0\.2 +veth0 .* 500 kB$/m);
    tmux("resize-window", "-x", "40", "-y", "10");
    await shows(/^10\.0\.0\.2/m);
    await promtap.stop();
    await shows(/couldn't ask/);
    await using _again = await RunningPromtap.start(namespace, [...FLAGS, ...listen]);
    await shows(/all is well/);
    tmux("send-keys", "q");
    await until("it has ended", () => !sessions(folder.path));
    begin(`exec sh -mc '${top}; stty -a; read line; fg'`);
    await shows(/all is well/);
    tmux("send-keys", "C-z");
    await shows(/ icanon/);
    tmux("send-keys", "Enter");
    await shows(/all is well/);
    tmux("send-keys", "q");
    await until("it has ended", () => !sessions(folder.path));
    begin(`exec ${top}`);
    await shows(/all is well/);
    tmux("send-keys", "p");
    await shows(/PAUSED/);
    const pid = tmux("display-message", "-p", "#{pane_pid}").trim();
    tmux("kill-session");
    await until("it has ended with its terminal", () => !isRunning(pid));
  } finally {
    if (sessions(folder.path)) tmux("kill-server");
  }
});

function isRunning(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`).length > 0;
  } catch {
    return false;
  }
}

function sessions(folder: string): boolean {
  try {
    execFileSync("tmux", ["-S", join(folder, "tmux"), "list-sessions"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

test("top captures by itself if it is told what", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const { stdout, stderr, status } = await runPromtap(namespace, ["top", "--once", "--json", ...FLAGS]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    (JSON.parse(stdout) as Report).interfaces.map(({ name }) => name),
    ["veth0"],
  );
});

test("top asks for a terminal, or for one look", liveOptions(), async () => {
  using namespace = new Namespace();
  const { stderr, status } = await runPromtap(namespace, ["top", "--url", URL]);
  assert.deepEqual(
    { stderr, status },
    { stderr: "top needs a terminal; --once prints one look anywhere\n", status: 2 },
  );
});

test("top says what it can't reach", liveOptions(), async () => {
  using namespace = new Namespace();
  const { stderr, status } = await runPromtap(namespace, ["top", "--url", URL, "--once"]);
  assert.equal(status, 1);
  assert.match(stderr, /couldn't ask http:\/\/127\.0\.0\.1:9112: .*ECONNREFUSED/);
});
