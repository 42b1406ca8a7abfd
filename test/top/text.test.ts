import assert from "node:assert/strict";
import { test } from "node:test";
import { legible, sparkline } from "../../src/top/text.ts";

const LINE = `漢 ${sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8)} – 1\u202f000`;

test("charts are in ASCII, as wide as before, if the locale has no Unicode; names are left alone", () => {
  for (const variables of [{}, { LANG: "C" }, { LANG: "de_DE.UTF-8", LC_ALL: "POSIX" }, { LANG: "de_DE@euro" }]) {
    assert.equal(legible(LINE, variables), "漢 _.-:=+*# - 1 000");
  }
  for (const variables of [{ LANG: "C.UTF-8" }, { LANG: "C", LC_ALL: "", LC_CTYPE: "en_US.utf8" }]) {
    assert.equal(legible(LINE, variables), LINE);
  }
});
