import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { BareRoot, BINARY } from "./bare-root.ts";

const execute = promisify(execFile);
/** Nothing of the environment of the tests: neither TMPDIR nor Node's own variables. A program that hangs is ended. */
const options = { env: {}, timeout: 30_000, killSignal: "SIGKILL" } as const;
/** Of a test: longer than all programs that it runs may take. */
const TIMEOUT_MS = 60_000;

/** Reads what a program logs until a line matches. */
async function logged(child: ChildProcess, pattern: RegExp): Promise<string> {
  assert.ok(child.stderr);
  for await (const line of createInterface(child.stderr)) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error(`the log ended without ${pattern}`);
}

/** Runs a shell script with $1 as its only argument in a mount namespace of its own; all it started ends with it. */
async function inMountNamespace(script: string, argument: string): Promise<{ stdout: string; stderr: string }> {
  const unshare = ["--mount", "--pid", "--fork", "--kill-child"];
  return execute("/usr/bin/unshare", [...unshare, "/bin/sh", "-ec", script, "sh", argument], options);
}

const needs = { skip: lacking("root", "unshare", "chroot", "ldd"), timeout: TIMEOUT_MS };

describe("the binary", needs, () => {
  let root: BareRoot;

  before(() => {
    root = new BareRoot();
  });
  after(() => {
    root[Symbol.dispose]();
  });

  test("tells its version in a root that holds nothing but libc, libstdc++ and it", async () => {
    const { stdout, stderr } = await execute("/usr/sbin/chroot", [root.path, "/promtap", "--version"], options);
    assert.match(stdout, /^promtap, version \d+\.\d+\.\d+ \(revision [0-9a-f]*\)/);
    assert.equal(stderr, "");
  });

  test("starts by a relative path in that root, where no /proc tells its own", async () => {
    const { stdout } = await execute("/usr/sbin/chroot", [root.path, "./promtap", "--version"], options);
    assert.match(stdout, /^promtap, version /);
  });

  test("counts connections by the countries that it carries in that root, and needs no /proc for it", async () => {
    const args = [root.path, "/promtap", "--geoip", "--once"];
    const { stdout, stderr } = await execute("/usr/sbin/chroot", args, options);
    assert.equal(stderr, "");
    assert.match(stdout, /^promtap_geoip_database_info\{database="built-in",.*PDDL.*\} 1$/m);
    assert.match(stdout, /^promtap_tcp_source_info\{source="netlink"\} 1$/m);
    assert.match(stdout, /^promtap_collector_success\{collector="geoip"\} 1$/m);
  });

  test("captures, serves its page and ends with 0 on SIGTERM in that root, and leaves no file behind", async () => {
    const files = root.list();
    const args = [root.path, "/promtap", "--interface", "lo", "--web.listen-address", "127.0.0.1:0"];
    const promtap = spawn("/usr/sbin/chroot", args, { ...options, stdio: ["ignore", "inherit", "pipe"] });
    try {
      const address = await logged(promtap, /msg=listening address=(\S+)/);
      const response = await fetch(`http://${address}/metrics`, { headers: { connection: "close" } });
      assert.equal(response.status, 200);
      assert.match(await response.text(), /^promtap_build_info\{.*\} 1$/m);
      assert.deepEqual(root.list(), files);
      promtap.kill("SIGTERM");
      assert.deepEqual(await once(promtap, "exit"), [0, null]);
    } finally {
      promtap.kill("SIGKILL");
    }
    assert.deepEqual(root.list(), files);
  });

  test("carries the engine pcap with its libpcap", async () => {
    const script = 'mount -t proc proc "$1/proc"; exec chroot "$1" /promtap --engine pcap --interface lo --once';
    const { stdout } = await inMountNamespace(script, root.path);
    assert.match(stdout, /engine="pcap"/);
  });

  test("loads its native parts where /tmp may not be executed from, and leaves nothing there", async () => {
    const files = root.list();
    const script = 'mount -t tmpfs -o noexec tmpfs "$1/tmp"; chroot "$1" /promtap --version >&2; ls -A "$1/tmp"';
    const { stdout, stderr } = await inMountNamespace(script, root.path);
    assert.match(stderr, /^promtap, version /);
    assert.equal(stdout, "");
    assert.deepEqual(root.list(), files);
  });

  test("takes no options for Node from the environment", async () => {
    const env = { NODE_OPTIONS: "--require /nonexistent.js" };
    const { stdout, stderr } = await execute(BINARY, ["--version"], { ...options, env });
    assert.match(stdout, /^promtap, version /);
    assert.equal(stderr, "");
  });

  test("leaves no file behind where it runs out of descriptors", async () => {
    using folder = new TemporaryFolder();
    const script = 'n=40; while ulimit -n $n; "$1" --version >/dev/null; do n=$((n-1)); done; exit 3';
    const env = { TMPDIR: folder.path };
    await assert.rejects(execute("/bin/sh", ["-c", script, "sh", BINARY], { ...options, env }), {
      code: 3,
      stderr: /^promtap: couldn't load koffi\.node: .*EMFILE: too many open files.*\n$/,
    });
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test("says in one line why no directory will do", async () => {
    const script = `mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; exec chroot "$1" /promtap --version`;
    await assert.rejects(inMountNamespace(script, root.path), {
      code: 1,
      stderr: /^promtap: couldn't load koffi\.node: .*\/tmp: EROFS: read-only file system.*set TMPDIR.*\n$/,
    });
  });
});
