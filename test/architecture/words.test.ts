import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { root } from "./source-tree.ts";

/** What names and prose may not say, by what they say instead; libpcap calls its bound MAXIMUM_SNAPLEN itself. */
const OFFENCES = {
  "a bound is MAX_ or MIN_":
    /\b(?:BIGGEST|FEWEST|GREATEST|HIGHEST|LARGEST|LEAST|LONGEST|LOWEST|MOST|OLDEST|SHORTEST|SMALLEST)_[A-Z]\w*/g,
  "a bound is not spelt out": /\b(?!MAXIMUM_SNAPLEN\b)(?:\w+_)?(?:MAX|MIN)IMUM_\w+|\b(?:max|min)imum[A-Z]\w*/g,
  "a rate is _PER_": /\b(?!NOT_)[A-Z][A-Z0-9_]*_AN?_[A-Z]\w*/g,
  "a thing has a name of its own": /\b(?:\w*[a-z])?Way\b/g,
  "what is done once more is done again": /\banew\b/gi,
};

/** Declared once, so that the word alone tells what is meant. */
const SINGLE = ["Tally", "Tap", "Zone"];

const FOLDERS = ["src", "test", "scripts"];
const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((path) => /\.(?:ts|md|sh)$/.test(path))
    .map((path) => ({ path: join(folder, path), text: readFileSync(join(root, folder, path), "utf8") })),
).filter(({ path }) => path !== "test/architecture/words.test.ts");

function offencesIn(text: string, offence: RegExp): string[] {
  return [...text.matchAll(offence)].map(([found]) => found);
}

describe("words", () => {
  for (const [rule, offence] of Object.entries(OFFENCES)) {
    test(rule, () => {
      const found = files.flatMap(({ path, text }) => offencesIn(text, offence).map((word) => `${path}: ${word}`));
      assert.deepEqual(found, []);
    });
  }

  test("what is called by one word alone is declared once", () => {
    for (const name of SINGLE) {
      const declaration = new RegExp(`^(?:export )?(?:class|interface|const) ${name}\\b`, "m");
      const homes = files.filter(({ path, text }) => path.startsWith("src/") && declaration.test(text));
      assert.equal(homes.length, 1, `${name}: ${homes.map(({ path }) => path).join(", ")}`);
    }
  });

  test("are found in whatever name has them", () => {
    const names = [
      "MOST_KEPT",
      "LONGEST_PAUSE_MS",
      "IHL_MINIMUM_BYTES",
      "maximumBytes",
      "ROWS_A_TURN",
      "underWay",
      "Way",
    ];
    const prose = ["begins ANEW", "NOT_A_NUMBER", "MAX_ROWS", "ALMOST_FULL", "Gateway", "a rate, ROWS_PER_TURN"];
    const found = (text: string): boolean =>
      Object.values(OFFENCES).some((offence) => offencesIn(text, offence).length > 0);
    assert.deepEqual(names.filter(found), names);
    assert.deepEqual(prose.filter(found), ["begins ANEW"]);
  });
});
