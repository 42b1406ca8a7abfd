import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { merge } from "../../../src/config/file/merge.ts";
import { ALL_FLAGS, configOf } from "../../../src/daemon/config.ts";
import { root } from "../../architecture/source-tree.ts";
import { read, textsOf } from "./configuration.ts";

const text = readFileSync(join(root, "src/assets/promtap.example.yml"), "utf8");

test("the example is legal, and so is what it has in comments", () => {
  for (const each of [text, text.replaceAll(/^( +)# (?=- )/gm, "$1")]) {
    const file = read(each);
    const { given } = merge({ given: new Map(), denied: new Set() }, file, ALL_FLAGS);
    const { interfaces, engine, prefixes } = configOf(given, file.prefixes);
    assert.deepEqual([interfaces, engine, prefixes.length], [["auto"], "auto", 2]);
  }
  assert.deepEqual(textsOf(read(text.replaceAll(/^( +)# (?=- )/gm, "$1")))["range-file"], [
    "/etc/customers.csv:series=labels",
  ]);
});

test("the manual has every key, with its flag and type", () => {
  const manual = readFileSync(join(root, "src/config/README.md"), "utf8");
  const rows = [...manual.matchAll(/^\| `([a-z_.]+)` +\| `--([\w.-]+)` +\| ([a-z, ]+?) +\|$/gm)];
  const expected = ALL_FLAGS.filter(({ key }) => key !== undefined && key !== "ranges.file").map((flag) => {
    const type = flag.value === undefined ? "true, false" : flag.isList === true ? "list" : "value";
    return [flag.key, flag.name, type];
  });
  assert.deepEqual(
    rows.map(([, key, flag, type]) => [key, flag, type]),
    expected,
  );
});
