import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { applyReplacements, REPLACEMENTS } from "../../scripts/cap-addon.ts";

const source = readFileSync(new URL("../../node_modules/cap/src/binding.cc", import.meta.url), "utf8");

describe("the patch of cap", () => {
  test("fits the source that is installed", () => {
    const patched = applyReplacements(source, REPLACEMENTS);
    for (const gone of ["libpcap.so", "This may not actually work", "AsyncResource", "&obj->poll_handle"]) {
      assert.ok(source.includes(gone), gone);
      assert.ok(!patched.includes(gone), gone);
    }
  });

  test("refuses a source in which a passage is missing", () => {
    assert.throws(() => applyReplacements("a b", [{ from: "c", to: "d" }]), /not the one that promtap patches: "c"$/);
  });

  test("refuses a source in which a passage stands twice", () => {
    assert.throws(() => applyReplacements("c b c", [{ from: "c", to: "d" }]), /not the one that promtap patches: "c"$/);
  });
});
