import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeWith, merge } from "../../../src/config/file/merge.ts";
import { scanCommandLine } from "../../../src/cli/scan.ts";
import { ALL_FLAGS, configOf } from "../../../src/daemon/config.ts";
import { PromtapError } from "../../../src/errors.ts";
import { read } from "./configuration.ts";

const FILE = `engine: ring
interfaces: [eth0, eth1]
web:
  listen: [":1"]
geoip:
  enabled: true
ranges: [10.0.0.1]
`;

const merged = (argv: readonly string[], text = FILE) => {
  const { given, differences } = merge(scanCommandLine(argv), read(text), ALL_FLAGS);
  return { given: Object.fromEntries(given), differences: differences.map((line) => line.replace("/etc/p.yml:", "")) };
};

test("a file counts as if its flags were given", () => {
  assert.deepEqual(merged([]), {
    given: {
      engine: ["ring"],
      interface: ["eth0", "eth1"],
      "web.listen-address": [":1"],
      geoip: [""],
      range: ["10.0.0.1"],
    },
    differences: [],
  });
});

test("flags win over the file, and what differs is told", () => {
  const { given, differences } = merged(["--engine=bpf", "-i", "eth0", "-i", "eth1", "-r", "::1"]);
  assert.deepEqual([given["engine"], given["interface"], given["range"]], [["bpf"], ["eth0", "eth1"], ["::1"]]);
  assert.deepEqual(differences, [
    "1: engine is not in force: the command line has --engine",
    "7: ranges is not in force: the command line has --range",
  ]);
});

test("flags win over what they exclude", () => {
  const { given, differences } = merged(["-p", "80", "--geoip=false", "--read=x.pcap"]);
  assert.deepEqual(given, { port: ["80"], read: ["x.pcap"], range: ["10.0.0.1"] });
  assert.deepEqual(differences, [
    "1: engine is not in force: the command line has --read",
    "2: interfaces is not in force: the command line has --read",
    "4: web.listen is not in force: the command line has --port",
    "6: geoip.enabled is not in force: the command line has --geoip=false",
  ]);
});

const TOGETHER: [string, string[], string][] = [
  [
    "web:\n  port: 1\n  socket_mode: 0600",
    [],
    "/etc/p.yml:3:16: --web.socket-mode needs --web.listen-address=unix:/PATH",
  ],
  ["interfaces:\n- eth0\n- 'a/b'", [], '/etc/p.yml:3:3: invalid -i "a/b"; legal is '],
  [
    "engine: ring",
    ["--pcap.filter=tcp"],
    "/etc/p.yml:1:9: --pcap.filter needs --engine=pcap: no other engine has a filter",
  ],
  ["engine: ring", ["-i", "a/b"], 'invalid -i "a/b"; legal is '],
  ["engine: ring", ["--web.socket-mode=0600"], "--web.socket-mode needs --web.listen-address=unix:/PATH"],
];

for (const [text, argv, message] of TOGETHER) {
  test(`${JSON.stringify(text)} with ${JSON.stringify(argv)} is refused at its place`, () => {
    const commandLine = scanCommandLine(argv);
    const file = read(text);
    const { given } = merge(commandLine, file, ALL_FLAGS);
    assert.throws(
      () => judgeWith(file, commandLine.given, ALL_FLAGS, () => configOf(given)),
      (error) => {
        assert(error instanceof PromtapError && error.exitStatus === 2);
        assert.equal(error.message.slice(0, message.length), message);
        return true;
      },
    );
  });
}
