import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { merge } from "../../../src/config/file/merge.ts";
import { writeYaml } from "../../../src/config/file/write.ts";
import type { Flag } from "../../../src/config/flag.ts";
import { ALL_FLAGS, configOf } from "../../../src/daemon/config.ts";
import { read, textsOf } from "./configuration.ts";

/** Texts that are legal for flags whose values are neither numbers nor any text, by what the help calls their values, or by flag. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  NAME: ["eth0", "veth*", "!veth1,lo", "y", "null", "0x10", "1_0", "é"],
  RANGE: ["10.0.0.0/8/24:a=b", "::1", "10.0.0.1-10.0.0.9:x=# 'y' \"z\" \\:b= "],
  N: ["0", "17", "007"],
  PORT: ["0", "9112"],
  ADDRESS: [":9112", "unix:/run/p q", "[::1]:0", "localhost:1"],
  "ADDRESS,...": ["8.8.8.8, 4.0.0.0/6", "::1"],
  "NETWORK,...": ["10.0.0.0/8,2001:db8::/32", "192.0.2.1"],
  "auto|none|NUMBER": ["auto", "none", "17"],
  WHAT: ["off", "full"],
  "--flow-sharers": ["1", "64"],
  "--flow-listen": [":2055", "127.0.0.1:0", "[::1]:2055"],
  "--state": ["promtap.state", "/s/promtap.state"],
  MODE: ["0660", "777"],
  GROUP: ["adm", "33"],
  PATH: ["/metrics", "/a:b"],
  PERCENT: ["25", "100"],
  "HOST:PORT,...": ["kafka:1,b", "[2001:db8::1]:9092"],
  TOPIC: ["flows", "true", "1.5"],
  NUMBER: ["0", "65000"],
  "all|N,...": ["all", "0,1"],
  "KEY,...": ["as_src,label"],
  SECONDS: ["1", "60"],
  DAYS: ["32", "400"],
  FILE: ["/a b.mmdb", "/c: #d", "/e\u00a0\u2028f\u0085"],
  FOLDER: ["/sbin"],
  "NAME=ITEM,...": ["peering=AS64500", "y=NO", "a: #b=10.0.0.0/8", "é=2001:db8::/32", "y=*"],
};
const ANY = ["tcp port 80", "# x", " - y: 'z'", "\u0007\u009b\ufeff\n", "~", "a\tb"];

const flagsOfFiles = ALL_FLAGS.filter(({ key }) => key !== undefined);

function anyTexts(flag: Flag): fc.Arbitrary<string[]> {
  if (flag.value === undefined) return fc.constant([""]);
  const texts = flag.choices ?? TEXTS[`--${flag.name}`] ?? TEXTS[flag.value] ?? ANY;
  return fc.array(fc.constantFrom(...texts), { minLength: 1, maxLength: flag.isList === true ? 3 : 1 });
}

const anyGiven = fc
  .subarray(flagsOfFiles)
  .chain((flags) => fc.tuple(...flags.map((flag) => anyTexts(flag).map((texts) => [flag.name, texts] as const))))
  .map((entries) => new Map(entries));

const anyPrefixes = fc.array(
  fc.record({
    prefix: fc.constantFrom("10.0.0.0/8", "2001:db8::/32"),
    labels: fc.dictionary(fc.constantFrom("customer", "site"), fc.string({ unit: "grapheme" })),
    series: fc.constantFrom("address" as const, "prefix" as const, "labels" as const),
  }),
  { maxLength: 3 },
);

test("what is written reads back as the same, whatever the flags say", () => {
  fc.assert(
    fc.property(anyGiven, anyPrefixes, (given, prefixes) => {
      const lined = prefixes.map((each) => ({ ...each, line: 0, column: 0 }));
      const text = writeYaml(ALL_FLAGS, given, lined);
      if (text === "") return;
      const file = read(text);
      const expected = Object.fromEntries(
        [...given].map(([name, texts]) => [
          name,
          name === "range-file"
            ? texts.map((path) => `${path}:series=labels`)
            : name === "zone"
              ? [...Map.groupBy(texts, (text) => text.split("=")[0]).values()].flat()
              : texts,
        ]),
      );
      assert.deepEqual(textsOf(file), expected);
      assert.deepEqual(
        file.prefixes.map((each) => ({ ...each, line: 0, column: 0, labels: { ...each.labels } })),
        lined.map((each) => ({ ...each, labels: { ...each.labels } })),
      );
      const merged = merge({ given: new Map(), denied: new Set() }, file, ALL_FLAGS).given;
      assert.deepEqual(verdict(merged), verdict(new Map(Object.entries(expected))));
    }),
    { numRuns: 500 },
  );
});

test("each flag alone reads back", () => {
  for (const flag of flagsOfFiles) {
    for (const [text] of fc.sample(anyTexts(flag), 5) as [string][]) {
      const file = read(writeYaml(ALL_FLAGS, new Map([[flag.name, [text]]]), []));
      assert.deepEqual([...file.texts.keys()], [flag.name]);
    }
  }
});

function verdict(given: ReadonlyMap<string, readonly string[]>): unknown {
  try {
    return configOf(given);
  } catch (error) {
    return String(error);
  }
}

const hasPython = spawnSync("python3", ["-c", "import yaml"]).status === 0;

test("PyYAML reads the same texts", { skip: hasPython ? false : "needs python3 with yaml" }, () => {
  const ranges = [...TEXTS["RANGE"]!, ...ANY];
  const text = writeYaml(ALL_FLAGS, new Map([["interface", ranges]]), []);
  const program = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin.buffer), sys.stdout)";
  const output = execFileSync("python3", ["-c", program], { input: text, encoding: "utf8" });
  assert.deepEqual(JSON.parse(output), { interfaces: ranges });
});
