import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { markOf } from "../../src/files/bounded-file.ts";
import { removeDrafts, replaceFile } from "../../src/files/replaced-file.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const ROUNDS = 20;

describe("a file is replaced", () => {
  test("in one step: who reads it meanwhile finds all of one or all of another", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "file");
    const contents = (round: number): Buffer => Buffer.alloc(100_000 + round, round);
    await replaceFile(path, [contents(0)]);
    for (let round = 1; round <= ROUNDS; round++) {
      let isDone = false;
      const bytes = contents(round);
      const done = replaceFile(path, [bytes.subarray(0, 5), bytes.subarray(5)]).then(() => (isDone = true));
      while (!isDone) {
        const read = readFileSync(path);
        assert.ok([round - 1, round].some((each) => read.equals(contents(each))));
        await new Promise(setImmediate);
      }
      await done;
    }
    assert.ok(readFileSync(path).equals(contents(ROUNDS)));
    assert.deepEqual(readdirSync(folder.path), ["file"]);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("or stays as it is, with the reason alone, and nothing is left beside it", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "file");
    writeFileSync(path, "before");
    function* failing(): Generator<Uint8Array> {
      yield Buffer.from("half");
      throw new Error("no more");
    }
    await assert.rejects(replaceFile(path, failing()), { message: "no more" });
    assert.equal(readFileSync(path, "utf8"), "before");
    assert.deepEqual(readdirSync(folder.path), ["file"]);
    await assert.rejects(replaceFile(join(folder.path, "none", "file"), []), { message: "no such file or directory" });
    mkdirSync(join(folder.path, "folder"));
    await assert.rejects(replaceFile(join(folder.path, "folder"), []), { message: "illegal operation on a directory" });
  });

  test("by several at once as by one after the other", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "file");
    for (let round = 0; round < ROUNDS; round++) {
      const contents = [1, 2, 3].map((each) => Buffer.alloc(100_000 * each, each));
      const marks: string[] = [];
      await Promise.all(
        contents.map((bytes) =>
          replaceFile(path, [bytes.subarray(0, 5), bytes.subarray(5)], (mark) => marks.push(mark)),
        ),
      );
      const read = readFileSync(path);
      assert.ok(contents.some((each) => read.equals(each)));
      assert.equal(new Set(marks).size, 3);
      assert.ok(marks.includes(await markOf(path)));
    }
    assert.deepEqual(readdirSync(folder.path), ["file"]);
  });

  test("and what killed runs have left beside it is removed, and nothing else", async () => {
    using folder = new TemporaryFolder();
    const names = ["file", "file.0123abcd", "file.0123abcd.tmp.old", "file.tmp", "other.0123abcd.tmp"];
    for (const name of names) writeFileSync(join(folder.path, name), "");
    writeFileSync(join(folder.path, "file.0123abcd.tmp"), "");
    execFileSync("mkfifo", [join(folder.path, "file.01234567.tmp")]);
    await removeDrafts(join(folder.path, "file"));
    assert.deepEqual(readdirSync(folder.path).toSorted(), names);
    await removeDrafts(join(folder.path, "none", "file"));
  });
});
