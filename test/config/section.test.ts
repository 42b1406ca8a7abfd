import assert from "node:assert/strict";
import { test } from "node:test";
import { single, toggle, usageError, wholeNumber } from "../../src/config/flag.ts";
import { optional, section } from "../../src/config/section.ts";
import { PromtapError } from "../../src/errors.ts";

const FLAGS = {
  isOn: toggle({ name: "firewall", help: "" }),
  maxRules: single({ name: "firewall-max-rules", value: "N", default: "10", help: "", parse: wholeNumber(100) }),
};

const given = (flags: Record<string, string[]>) => new Map(Object.entries(flags));

test("a section has a value for each flag, of the type that the flag has", () => {
  const { maxRules, isOn } = section("Firewall", FLAGS).read(given({ "firewall-max-rules": ["7"] }));
  // These would not compile for another type.
  const total: number = maxRules + 1;
  const isOff: boolean = !isOn;
  assert.deepEqual([total, isOff], [8, true]);
});

test("a section may judge its values together, and say something else", () => {
  const judged = section("Firewall", FLAGS, ({ maxRules }, flags) => {
    if (maxRules === 0) throw usageError("no rules at all");
    return { isBounded: flags.has("firewall-max-rules") };
  });
  assert.deepEqual(judged.read(given({})), { isBounded: false });
  assert.throws(
    () => judged.read(given({ "firewall-max-rules": ["0"] })),
    new PromtapError("USAGE", "no rules at all"),
  );
});

test("an optional section is turned on by its flag, and the others need that one", () => {
  const firewall = optional(section("Firewall", FLAGS), "firewall");
  assert.equal(firewall.read(given({})), null);
  assert.equal(firewall.read(given({ firewall: [""] }))?.maxRules, 10);
  assert.throws(
    () => firewall.read(given({ "firewall-max-rules": ["7"] })),
    new PromtapError("USAGE", "--firewall-max-rules needs --firewall"),
  );
});
