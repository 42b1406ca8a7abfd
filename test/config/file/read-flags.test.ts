import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { ALL_FLAGS } from "../../../src/daemon/config.ts";
import { PromtapError } from "../../../src/errors.ts";
import { read, textsOf } from "./configuration.ts";

const LEGAL: [string, Record<string, string[]>][] = [
  ["engine: ring", { engine: ["ring"] }],
  ["\ufeffengine: ring\r\n", { engine: ["ring"] }],
  ["%YAML 1.2\n---\nengine: ring\n...\n", { engine: ["ring"] }],
  ['{"engine": "ring", "interfaces": ["lo"]}', { engine: ["ring"], interface: ["lo"] }],
  ["interfaces: [eth0, 'veth*', \"!veth1\"]", { interface: ["eth0", "veth*", "!veth1"] }],
  ["interfaces: eth0", { interface: ["eth0"] }],
  ["interfaces: []", {}],
  ["interfaces:\n- eth0\n- true\n", { interface: ["eth0", "true"] }],
  [
    "web: {listen: ['unix:/p'], socket_mode: 0660, socket_group: adm}",
    { "web.listen-address": ["unix:/p"], "web.socket-mode": ["0660"], "web.socket-group": ["adm"] },
  ],
  ["wire_sizes: true\nkeep_capabilities: false", { "wire-sizes": [""] }],
  ["geoip: {enabled: true, max_asns: 0}", { geoip: [""], "geoip-max-asns": ["0"] }],
  ["geoip: {max_asns: 7, enabled: false}\nengine: bpf", { engine: ["bpf"] }],
  ["geoip: [{enabled: true}]", { geoip: [""] }],
  ["geoip_databases: [a.mmdb, /b.mmdb]", { "geoip-db": ["/etc/a.mmdb", "/b.mmdb"] }],
  ["state: {file: promtap.state}", { state: ["promtap.state"] }],
  ["state: {file: ./promtap.state}", { state: ["/etc/promtap.state"] }],
  ["engine: !!str ring", { engine: ["ring"] }],
  ["read: '-'", { read: ["-"] }],
  ["pcap:\n  filter: >\n    tcp and\n    port 80\n", { "pcap.filter": ["tcp and port 80\n"] }],
  ["ranges: [10.0.0.1, '::1:a=b']", { range: ["10.0.0.1", "::1:a=b"] }],
  [
    "zones: {a: [AS1, 10.0.0.0/8], 'b c': NO, d: ['*']}\ncustomers: {by: [zone]}",
    { zone: ["a=AS1", "a=10.0.0.0/8", "b c=NO", "d=*"], "customers.by": ["zone"] },
  ],
  [
    "ranges:\n- file: c.csv\n- {file: /d, series: prefix, format: csv}",
    { "range-file": ["/etc/c.csv:series=labels", "/d:series=prefix:format=csv"] },
  ],
];

for (const [text, texts] of LEGAL) {
  test(`${JSON.stringify(text)} is legal`, () => assert.deepEqual(textsOf(read(text)), texts));
}

test("prefixes may have labels with any text", () => {
  const text = `ranges:\n  - {prefix: 192.0.2.0/24, labels: {customer: "é: \\n", n: 007, word: "null", none: ""}, series: address}\n  - prefix: ::1`;
  assert.deepEqual(read(text).prefixes, [
    {
      prefix: "192.0.2.0/24",
      labels: { customer: "é: \n", n: "007", word: "null", none: "" },
      series: "address",
      line: 2,
      column: 14,
    },
    { prefix: "::1", labels: {}, series: "labels", line: 3, column: 13 },
  ]);
});

const FORMS = "give a range such as 10.0.0.0/24:customer=a, ";
const ILLEGAL: [string, string][] = [
  ["", "1:1: it is empty; give a key"],
  ["# nothing\n", "1:1: it is empty; give a key"],
  ["---\n", "1:1: it is empty; give a key"],
  ["engine", "1:1: a text stands here; give keys, as in engine: auto"],
  ["- engine: ring", "1:1: a list stands here; give keys, as in engine: auto"],
  ["engin: ring", '1:1: unknown key "engin"; did you mean engine?'],
  ["web:\n  lissen: []", '2:3: unknown key "web.lissen"; did you mean web.listen?'],
  ["xyzzyxyzzy: 1", '1:1: unknown key "xyzzyxyzzy"; legal are '],
  ["__proto__: 1", '1:1: unknown key "__proto__"; legal are '],
  ["engine: xdp", '1:9: invalid engine "xdp"; legal is auto, bpf, tcx, ring, pcap'],
  ["engine:", "1:8: nothing stands behind engine; give a value"],
  ["engine: ~", "1:9: nothing stands behind engine; give a value"],
  ["engine: [ring]", "1:9: a list stands behind engine; give a value"],
  ["engine: {a: b}", "1:9: a mapping stands behind engine; give a value"],
  ["interfaces: [[eth0]]", "1:14: a list stands behind interfaces; give a value or a list of them"],
  ["max_addresses: 1e3", '1:16: invalid max_addresses "1e3"; legal is a number from 0 to '],
  ["wire_sizes: yes", "1:13: wire_sizes is neither true nor false; give one of them"],
  ['wire_sizes: "true"', "1:13: wire_sizes is neither true nor false; give one of them"],
  ["geoip: true", "1:8: geoip is no value; below it are enabled, exclude, max_asns"],
  ["geoip:\n- enabled: true\n- enabled: true", "3:3: a second geoip; promtap runs one, so give one"],
  ["engine: ring\nengine: bpf", "2:1: the key is there twice; give it once"],
  ["zones: [a]", "1:8: zones is no mapping of names to lists; write zones: {peering: [AS64500, 192.0.2.0/24]}"],
  ["zones: {a: []}", '1:12: the zone "a" is empty; '],
  ["zones:\n  a=b: [DE]", '2:3: the name of zone "a=b" has a =; legal is any other name'],
  ["zones:\n  a:\n  - 10.0.0.0/8\n  - 10.0.0.1/8", '4:5: invalid zones "a=10.0.0.1/8"; legal is NAME=ITEM,'],
  ["zones: {a: [[DE]]}", "1:13: this is no item of a zone; "],
  ["zones: {other: [DE]}", '1:17: invalid zones "other=DE"; legal is any name but other'],
  ["a: &a [x]\nb: [*a, *a]", "1:7: an anchor stands here; write the value itself"],
  ["engine: *a", "1:9: an alias stands here; write the value itself"],
  ["engine: !x ring", "1:9: "],
  ["? [a]\n: b", "1:3: a key is no word; write key: value"],
  ["engine: ring\n---\nengine: bpf", "2:1: a second document begins; give one"],
  ["web:\n\tlisten: []", "2:1: a tab indents; use spaces"],
  ["engine: [", "1:10: it is no YAML: "],
  ["engine: 'ring", "1:14: it is no YAML: missing closing 'quote"],
  ["engine: ring\0", "1:9: "],
  ["\uFFFD\uFFFDe\0n\0", "1:1: it is no UTF-8; save the file as UTF-8"],
  ["engine: ring\nranges: ['::1:a=\uFFFD']", "2:17: it is no UTF-8; save the file as UTF-8"],
  [`a: ${"[".repeat(500)}${"]".repeat(500)}`, "1:67: it is nested too deeply"],
  ["ranges: 10.0.0.1", "1:9: ranges is a list; write each item behind a dash"],
  ["ranges: [10.0.0.300]", '1:10: invalid range "10.0.0.300": '],
  ["ranges: [[]]", `1:10: this is no range; ${FORMS}`],
  ["ranges: [{}]", `1:10: this has neither prefix nor file; ${FORMS}`],
  ["ranges: [{prefx: a}]", '1:11: unknown key "prefx"; did you mean prefix?'],
  ["ranges: [{file: a, serie: prefix}]", '1:20: unknown key "serie"; did you mean series?'],
  ["ranges: [{file: a, series: all}]", '1:28: invalid series "all"; legal is address, prefix, labels'],
  ["ranges: [{prefix: ::1, labels: {ip: a}}]", '1:33: the label name "ip" is reserved; legal is any name but '],
  ["ranges: [{file: null}]", "1:17: file has no text; give one"],
  ["ranges: [~]", `1:10: this is no range; ${FORMS}`],
  [
    "ranges:\n- {prefix: ::1, labels: {customer: null}}",
    "2:36: nothing stands behind the label customer; give a text, or leave it out",
  ],
  ["ranges: [{prefix: ::1, labels: {a: x, b: }}]", "1:42: nothing stands behind the label b; "],
  ["ranges: [{prefix: ::1, labels: [a]}]", "1:32: labels is no mapping; write labels: {customer: a}"],
];

for (const [text, message] of ILLEGAL) {
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(
      () => read(text),
      (error) => {
        assert(error instanceof PromtapError && error.exitStatus === 2);
        assert.equal(error.message.slice(0, `/etc/p.yml:${message}`.length), `/etc/p.yml:${message}`);
        assert.doesNotMatch(error.message, /\n/);
        return true;
      },
    );
  });
}

test("aliases of aliases are never followed", () => {
  const bomb = ["a: &a [x,x,x,x,x,x,x,x,x]"];
  for (const [index, name] of "bcdefghij".split("").entries()) {
    const before = "abcdefghij"[index]!;
    bomb.push(`${name}: &${name} [${Array(9).fill(`*${before}`).join(",")}]`);
  }
  assert.throws(() => read(bomb.join("\n")), /p\.yml:1:7: an anchor stands here/);
});

test("any text gives flags or a usage error", () => {
  const piece = fc.constantFrom(
    "engine",
    ": ",
    "\n",
    "  ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "ranges",
    "web",
    "'",
    '"',
    "&a",
    "*a",
    "|",
    "\t",
    "#",
    "!",
    "ring",
    "---",
    "prefix",
    "file",
    "? ",
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(piece, fc.string({ maxLength: 3 })), { maxLength: 20 }), (pieces) => {
      try {
        read(pieces.join(""));
      } catch (error) {
        assert(error instanceof PromtapError && error.exitStatus === 2, String(error));
        assert.match(error.message, /^\/etc\/p\.yml:[1-9][0-9]*:[1-9][0-9]*: /);
      }
    }),
    { numRuns: 2000 },
  );
});

/** What makes no sense in a file: what is printed instead of counting, the file itself, and what others say as well. */
const WITHOUT_KEY = [
  "help",
  "version",
  "check",
  "once",
  "dump-program",
  "config.file",
  "debug",
  "interval",
  "no-listen",
];

describe("every flag", () => {
  test("has a key, but for a few", () => {
    const without = ALL_FLAGS.filter(({ key }) => key === undefined).map(({ name }) => name);
    assert.deepEqual(without.toSorted(), WITHOUT_KEY.toSorted());
  });

  test("has a key that a file can hold beside all others", () => {
    const keys = ALL_FLAGS.flatMap(({ key }) => key ?? []).filter((key) => key !== "ranges.file");
    for (const key of keys) {
      assert.ok(!keys.some((other) => other.startsWith(`${key}.`)), key);
    }
  });
});
