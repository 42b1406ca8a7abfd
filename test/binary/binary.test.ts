import assert from "node:assert/strict";
import { type ChildProcess, execFile, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { pcap } from "../capture/savefile/captures.ts";
import { arpFrame } from "../support/frames.ts";
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
    assert.match(stdout, /^promtap, version \d+\.\d+\.\d+ \(revision [0-9a-f]*(-dirty)?\)/);
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

  test("is promacct by a symbolic link: its page at every path, and its errors", async () => {
    const link = join(root.path, "promacct");
    symlinkSync("promtap", link);
    const started = [root.path, "./promacct"];
    await assert.rejects(execute("/usr/sbin/chroot", [...started, "--version"], options), {
      code: 1,
      stderr: /^promacct: invalid option -- '-'\nusage: promacct -i interface \.\.\. /,
    });
    const args = [...started, "-i", "lo", "-p", "0"];
    const promacct = spawn("/usr/sbin/chroot", args, { ...options, stdio: ["ignore", "inherit", "pipe"] });
    try {
      const address = await logged(promacct, /msg=listening address=\S+:(\d+)/);
      const response = await fetch(`http://127.0.0.1:${address}/`, { headers: { connection: "close" } });
      const names = [...(await response.text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
      assert.deepEqual(names, ["promacct_packet_size_bytes_all"]);
      promacct.kill("SIGTERM");
      assert.deepEqual(await once(promacct, "exit"), [0, null]);
    } finally {
      promacct.kill("SIGKILL");
      rmSync(link);
    }
  });

  test("carries the engine pcap with its libpcap", async () => {
    const script = 'mount -t proc proc "$1/proc"; exec chroot "$1" /promtap --engine pcap --interface lo --once';
    const { stdout } = await inMountNamespace(script, root.path);
    assert.match(stdout, /engine="pcap"/);
  });

  test("loads its native parts if /tmp may not be executed from, and leaves nothing there", async () => {
    const script = 'mount -t tmpfs tmpfs "$1/run"; mount -t tmpfs -o noexec tmpfs "$1/tmp"; ';
    const run = 'chroot "$1" /promtap --geoip --once >&2; ls -A "$1/run" "$1/tmp"';
    const { stdout, stderr } = await inMountNamespace(script + run, root.path);
    assert.match(stderr, /^promtap_collector_success\{collector="geoip"\} 1$/m);
    assert.equal(stdout, `${root.path}/run:\n\n${root.path}/tmp:\n`);
  });

  test("leaves no file behind when it runs out of descriptors, and says so", async () => {
    using folder = new TemporaryFolder();
    const script =
      'n=40; until "$1" -i lo --engine=ring --once 2>&1 >/dev/null | grep koffi; ' +
      "do n=$((n-1)); test $n -gt 10; ulimit -n $n; done";
    const env = { TMPDIR: folder.path };
    const { stdout } = await execute("/bin/sh", ["-ec", script, "sh", BINARY], { ...options, env });
    assert.equal(stdout, "couldn't load koffi.node: too many open files; raise LimitNOFILE, or ulimit -n\n");
    assert.deepEqual(readdirSync(folder.path), []);
  });

  describe("if no folder is both writable and executable", () => {
    const CONFINE = 'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; mount -t proc proc "$1/proc"; ';
    const confined = (args: string) => inMountNamespace(`${CONFINE} exec chroot "$1" /promtap ${args}`, root.path);

    before(() => {
      writeFileSync(join(root.path, "traffic.pcap"), Buffer.from(pcap({ order: "little" }, [arpFrame()]).flat()));
    });
    after(() => {
      rmSync(join(root.path, "traffic.pcap"));
    });

    test("tells version and help, refuses flags, and reads files", async () => {
      assert.match((await confined("--version")).stdout, /^promtap, version /);
      assert.match((await confined("--help")).stdout, /^Usage: promtap /);
      await assert.rejects(confined("--foo"), { code: 2, stderr: "unknown flag --foo; see promtap --help\n" });
      const { stdout, stderr } = await confined("--read traffic.pcap --once");
      assert.match(stdout, /^promacct_packet_size_bytes_all_count\{interface="traffic\.pcap"\} 1$/m);
      assert.equal(stderr, "");
    });

    test("says in one line why no folder will do", async () => {
      const places = String.raw`.*/tmp: read-only file system; .*/run: read-only file system`;
      for (const part of ["-i lo", "--iptables"]) {
        await assert.rejects(confined(`${part} --once`), {
          code: 1,
          stderr: new RegExp(
            `couldn't load koffi\\.node: no folder is both writable and executable \\(${places}\\); install it in /usr/lib/promtap.*\n$`,
          ),
        });
      }
    });

    test("takes its native parts from beside it, or from /usr/lib/promtap", async () => {
      const folder = mkdtempSync(join(root.path, "release-"));
      const tarball = readdirSync(join(BINARY, "..")).find((name) => name.endsWith(".tar.gz"))!;
      execFileSync("tar", ["-xzf", join(BINARY, "..", tarball), "-C", folder, "--strip-components=1"]);
      const installed = join(root.path, "usr/lib/promtap");
      mkdirSync(installed, { recursive: true });
      try {
        const beside = await inMountNamespace(
          `${CONFINE} exec chroot "$1" /${basename(folder)}/promtap -i lo --engine pcap --once`,
          root.path,
        );
        assert.match(beside.stdout, /engine="pcap"/);
        for (const name of ["koffi.node", "cap.node"]) copyFileSync(join(folder, name), join(installed, name));
        assert.match((await confined("-i lo --engine pcap --once")).stdout, /engine="pcap"/);
      } finally {
        rmSync(folder, { recursive: true });
        rmSync(installed, { recursive: true });
      }
    });
  });
});
