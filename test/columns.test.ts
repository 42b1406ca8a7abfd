import assert from "node:assert/strict";
import { test } from "node:test";
import { cell, columnsOf } from "../src/columns.ts";

/** As wcwidth(3) of glibc 2.36 has it. */
const TEXTS = [
  ["", 0],
  ["abc", 3],
  ["Grüße – €", 9],
  ["漢字", 4],
  ["サーバー・", 10],
  ["ｶ", 1],
  ["ﾡ", 1],
  ["Ａ￥", 4],
  ["「」、　", 8],
  ["ㄅㄆ", 4],
  ["㈱㍻", 4],
  ["한글", 4],
  ["\u1112\u1161\u11ab", 2],
  ["e\u0301", 1],
  ["हिन्दी", 5],
  ["🚀", 2],
  ["𠀋", 2],
  ["◆█", 2],
] as const;

test("a text takes as many columns as a terminal shows it in, and a cell is filled accordingly", () => {
  for (const [text, columns] of TEXTS) {
    assert.equal(columnsOf(text), columns, text);
    assert.equal(cell(text, columns + 3), `${text}   `);
  }
});

test("a cell that is too short for half of a character has a blank instead", () => {
  assert.equal(cell("a漢字", 4), "a漢 ");
});
