import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Series } from "../../../src/config/prefix-lists.ts";
import { loadLists } from "../../../src/customers/reading/load.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

const folder = new TemporaryFolder();
after(() => folder[Symbol.dispose]());

function written(name: string, text: string): string {
  const path = join(folder.path, name);
  writeFileSync(path, text);
  return path;
}

test("repeated prefixes are told by file and line, over all files of one kind", async () => {
  const paths = ["prefix,a\n10.0.0.0/8,x\n", "prefix,a\n\n::1,x\n10.0.0.0/8,y\n"].map((text, k) =>
    written(`${k}`, text),
  );
  const lists = paths.map((path) => ({ path, series: "labels" as const, format: null }));
  const inline = [{ prefix: "::1", labels: { b: "z" }, series: "labels" as const, line: 9, column: 14 }];
  const { repeated, example, covered, files } = await loadLists({
    lists,
    inline,
    inlinePath: "p.yml",
    isLenient: false,
  });
  assert.deepEqual([repeated, covered, example], [2, 0, [`${paths[0]}:2`, `${paths[1]}:4`]]);
  assert.deepEqual(
    files.map(({ path }) => path),
    paths,
  );
  for (const { mark } of files) assert.match(mark, /^[0-9]+ [0-9]+ [0-9]+ [0-9]+$/);
});

test("by prefix and by labels, one of two alike counts; by address, both that and its labels do", async () => {
  const path = written("alike", "prefix,a\n10.0.0.0/30,x\n");
  const load = async (...series: Series[]) =>
    loadLists({
      lists: series.map((each) => ({ path, series: each, format: null })),
      inline: [],
      inlinePath: "",
      isLenient: false,
    });
  assert.equal((await load("prefix", "labels")).repeated, 1);
  assert.equal((await load("address", "labels")).repeated, 0);
  assert.equal((await load("address", "address")).repeated, 1);
});
