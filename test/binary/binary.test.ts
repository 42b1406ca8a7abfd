import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { lacking } from "../support/requirements.ts";
import { BareRoot, BINARY } from "./bare-root.ts";

const execute = promisify(execFile);
/** Nothing of the environment of the tests: neither TMPDIR nor Node's own variables. */
const env = {};

/** Reads what a program logs until a line matches. */
async function logged(child: ChildProcess, pattern: RegExp): Promise<string> {
  assert.ok(child.stderr);
  for await (const line of createInterface(child.stderr)) {
    const found = pattern.exec(line)?.[1];
    if (found !== undefined) return found;
  }
  throw new Error(`the log ended without ${pattern}`);
}

/** Runs a shell script in a mount namespace of its own, with the binary as $1. */
async function inMountNamespace(script: string, ...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return execute("/usr/bin/unshare", ["--mount", "/bin/sh", "-ec", script, "sh", BINARY, ...args], { env });
}

describe("the binary", { skip: lacking("root", "unshare", "chroot", "ldd") }, () => {
  let root: BareRoot;

  before(() => {
    root = new BareRoot();
  });
  after(() => {
    root[Symbol.dispose]();
  });

  test("tells its version in a root that holds nothing but libc, libstdc++ and it", async () => {
    const { stdout, stderr } = await execute("/usr/sbin/chroot", [root.path, "/promtap", "--version"], { env });
    assert.match(stdout, /^promtap, version \d+\.\d+\.\d+ \(revision [0-9a-f]*\)/);
    assert.equal(stderr, "");
  });

  test("captures, serves its page and ends with 0 on SIGTERM in that root, and leaves no file behind", async () => {
    const files = root.list();
    const args = [root.path, "/promtap", "--interface", "lo", "--web.listen-address", "127.0.0.1:0"];
    const promtap = spawn("/usr/sbin/chroot", args, { env, stdio: ["ignore", "inherit", "pipe"] });
    try {
      const address = await logged(promtap, /msg=listening address=(\S+)/);
      const response = await fetch(`http://${address}/metrics`, { headers: { connection: "close" } });
      assert.equal(response.status, 200);
      assert.match(await response.text(), /^promtap_build_info\{.*\} 1$/m);
      assert.deepEqual(root.list(), files);
    } finally {
      promtap.kill("SIGTERM");
    }
    assert.deepEqual(await once(promtap, "exit"), [0, null]);
    assert.deepEqual(root.list(), files);
  });

  test("carries the engine pcap with its libpcap", async () => {
    const script = 'mount -t proc proc "$2/proc"; exec chroot "$2" /promtap --engine pcap --interface lo --once';
    const { stdout } = await inMountNamespace(script, root.path);
    assert.match(stdout, /engine="pcap"/);
  });

  test("loads its native parts where /tmp may not be executed from, and leaves nothing there", async () => {
    const script = 'mount -t tmpfs -o noexec tmpfs /tmp; "$1" --version >&2; ls -A /tmp';
    const { stdout, stderr } = await inMountNamespace(script);
    assert.match(stderr, /^promtap, version /);
    assert.equal(stdout, "");
  });

  test("says in one line why no directory will do", async () => {
    const script = `mount --bind "$2" "$2"; mount -o remount,bind,ro "$2"; exec chroot "$2" /promtap --version`;
    await assert.rejects(inMountNamespace(script, root.path), {
      code: 1,
      stderr: /^promtap: couldn't load koffi\.node: .*\/tmp: EROFS: read-only file system.*set TMPDIR.*\n$/,
    });
  });
});
