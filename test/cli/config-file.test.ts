import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { end, MAIN, promtap, start } from "./program.ts";

const folder = new TemporaryFolder();
after(() => folder[Symbol.dispose]());

const at = (name: string): string => join(folder.path, name);

function written(name: string, text: string): string {
  writeFileSync(at(name), text);
  return at(name);
}

describe("--config.file", () => {
  const read = "read: empty.pcap\nweb:\n  listen: ['127.0.0.1:0']\n";

  test("is read in a folder that is gone", async () => {
    const path = written("gone.yml", "interfaces: [lo]\nweb:\n  listen: ['127.0.0.1:0']\n");
    const inGone = ["sh", "-euc", 'mkdir "$0"; cd "$0"; rmdir "$0"; exec "$@"', at("gone")];
    const { status, stderr } = await end(start([MAIN, "config", `--config.file=${path}`], inGone));
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  test("is in force for check, and what differs is told", async () => {
    // A capture file without frames.
    writeFileSync(at("empty.pcap"), Buffer.from("d4c3b2a1020004000000000000000000ffff000001000000", "hex"));
    written("customers.csv", "prefix,customer\n10.0.0.0/8,a\n::/0,b\n10.0.0.0/8,c\n");
    const path = written(
      "check.yml",
      `${read}log: {level: info}\nmax_addresses: 7\nranges:\n- file: customers.csv\n- {prefix: ::1}\n`,
    );
    const { status, stdout, stderr } = await promtap("check", `--config.file=${path}`, "--max-addresses=8");
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.match(stdout, /check\.yml:5: max_addresses is not in force: the command line has --max-addresses\n/);
    assert.match(
      stdout,
      /^warning: 1 prefixes are repeated, and the first counts: .*customers\.csv:4 repeats .*csv:2$/m,
    );
    assert.match(stdout, /^would read .*\/empty\.pcap$/m);
    assert.match(stdout, /^at most 8 addresses have series$/m);
    assert.match(stdout, /^prefixes of 1 files: 4 by labels, with 4 different sets of labels$/m);
  });

  test("is in force for what runs", async () => {
    const path = written("run.yml", `${read}log: {level: error}\n`);
    const { status, stdout, stderr } = await promtap("--config.file", path, "--once");
    assert.equal(stderr, "");
    assert.equal(status, 0);
    assert.match(stdout, /^promtap_build_info\{/m);
  });

  test("is printed with the flags by config, and what is printed is the same", async () => {
    const path = written("config.yml", "engine: ring\nranges:\n- {prefix: ::1, labels: {customer: a}}\n");
    const first = await promtap("config", "--config.file", path, "-i", "veth*");
    assert.equal(
      first.stdout,
      'interfaces:\n  - "veth*"\nengine: ring\nranges:\n  - {prefix: "::1", labels: {customer: a}, series: labels}\n',
    );
    const second = await promtap("config", "--config.file", written("again.yml", first.stdout));
    assert.deepEqual(second, first);
  });
});

describe("nothing is started", () => {
  const REFUSED: [string, (path: string) => void, RegExp][] = [
    ["without a file", () => {}, /^couldn't read \S+: no such file or directory; give a file in YAML\n$/],
    ["with a folder", (path) => execFileSync("mkdir", [path]), /^couldn't read \S+: it is not a regular file; give a /],
    ["with a FIFO", (path) => execFileSync("mkfifo", [path]), /^couldn't read \S+: it is not a regular file; give a /],
    ["with an empty file", (path) => writeFileSync(path, ""), /^\S+:1:1: it is empty; give a key\n$/],
    [
      "with a file of 1 GB",
      (path) => {
        writeFileSync(path, "");
        truncateSync(path, 1e9);
      },
      /^couldn't read \S+: it is larger than 4 MiB; give a /,
    ],
    [
      "with a wrong key",
      (path) => writeFileSync(path, "\nengin: a"),
      /^\S+:2:1: unknown key "engin"; did you mean engine\?\n$/,
    ],
    [
      "with a list of prefixes that is wrong",
      (path) => writeFileSync(path, `ranges: [{file: ${written("bad.csv", "prefix\nx")}}]`),
      /^\S+bad\.csv:2: "x" is no prefix; legal is [^\n]*\n$/,
    ],
    [
      "with a list of prefixes that is a FIFO",
      (path) => {
        execFileSync("mkfifo", [at("fifo.csv")]);
        writeFileSync(path, "ranges: [{file: fifo.csv}]");
      },
      /^\S+fifo\.csv: it is not a regular file\n$/,
    ],
    [
      "with a prefix that is none",
      (path) => writeFileSync(path, "ranges:\n  - labels: {a: b}\n    prefix: 10.0.0.1/24\n"),
      /^\S+:3:13: "10\.0\.0\.1\/24" has bits set beyond \/24; legal is 10\.0\.0\.0\/24\n$/,
    ],
    [
      "with deep nesting",
      (path) => writeFileSync(path, "[".repeat(100_000)),
      /^\S+:1:[0-9]+: it is (?:nested too deeply|no YAML: [^\n]*)\n$/,
    ],
  ];

  for (const [index, [name, make, message]] of REFUSED.entries()) {
    test(name, async () => {
      const path = at(`refused${index}.yml`);
      make(path);
      const { status, stdout, stderr } = await promtap(`--config.file=${path}`, "--once", "--log.level=error");
      assert.match(stderr, message);
      assert.deepEqual([status, stdout], [2, ""]);
    });
  }

  test("unless a list of prefixes may be wrong", async () => {
    const list = written("lenient.csv", "prefix\nx\n::1\n");
    const argv = ["--check", "--read", at("empty.pcap"), "--range-file", list, "-p0"];
    assert.equal((await promtap(...argv)).status, 2);
    const { stdout, status } = await promtap(...argv, "--config.lenient");
    assert.equal(status, 0);
    assert.match(
      stdout,
      /^warning: skipped 1 lines of prefixes that are wrong, as \S+lenient\.csv:2: "x" is no prefix; /m,
    );
  });
});
