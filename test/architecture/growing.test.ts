import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ALL_FLAGS, SECTIONS } from "../../src/daemon/config.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { readSources, root } from "./source-tree.ts";

const SECTION = `
import { single, toggle, wholeNumber } from "../../config/flag.ts";
import { optional, section, type ValueOf } from "../../config/section.ts";

export const moonSection = optional(
  section("Moon", {
    isOn: toggle({ name: "moon", key: "moon.enabled", help: "Count the moons." }),
    moons: single({ name: "moon-count", value: "N", default: "1", help: "How many.", parse: wholeNumber(99) }),
  }),
  "moon",
);
export type MoonConfig = NonNullable<ValueOf<typeof moonSection>>;
`;

const FEATURE = `
import { MetricType } from "../../page/family.ts";
import type { FeatureKind } from "../feature.ts";
import { type MoonConfig, moonSection } from "./section.ts";

export const moonFeature: FeatureKind<MoonConfig> = {
  section: moonSection,
  standsAlone: "moon",

  async start({ moons }) {
    const family = { name: "moons", help: "Moons.", type: MetricType.GAUGE, samples: [{ value: moons }] };
    return {
      collectors: [{ name: "moon", collect: async () => [family] }],
      keeps: [],
      async [Symbol.asyncDispose]() {},
    };
  },

  check: async ({ moons }) => [\`would count \${moons} moons\`],
};
`;

/** A copy of the sources that may be changed. */
class Copy implements Disposable {
  readonly #folder = new TemporaryFolder();

  constructor() {
    cpSync(join(root, "src"), join(this.#folder.path, "src"), { recursive: true });
    for (const name of ["node_modules", "package.json", "tsconfig.json"]) {
      symlinkSync(join(root, name), join(this.#folder.path, name));
    }
  }

  write(path: string, text: string): void {
    const target = join(this.#folder.path, "src", path);
    mkdirSync(join(target, ".."), { recursive: true });
    writeFileSync(target, text);
  }

  change(path: string, from: string, to: string): void {
    const text = readFileSync(join(this.#folder.path, "src", path), "utf8");
    assert.ok(text.includes(from));
    this.write(path, text.replace(from, to));
  }

  run(...args: string[]): string {
    return execFileSync(process.execPath, [join(this.#folder.path, "src/main.ts"), ...args], { encoding: "utf8" });
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }
}

test("a collector is a folder of its own and one line in the list of features", () => {
  using copy = new Copy();
  copy.write("collectors/moon/section.ts", SECTION);
  copy.write("collectors/moon/feature.ts", FEATURE);
  copy.change("daemon/features.ts", "export const FEATURES = {", "export const FEATURES = { moon: moonFeature,");
  copy.change("daemon/features.ts", "import", 'import { moonFeature } from "../collectors/moon/feature.ts";\nimport');
  assert.match(
    copy.run("--help"),
    /^Moon:\n {6}--moon +Count the moons\.\n {6}--moon-count N +How many\. \(default: 1\)$/m,
  );
  assert.match(copy.run("--moon", "--once", "--log.level=error"), /^moons 1$/m);
  assert.match(copy.run("--moon", "--moon-count=7", "--check", "-p0"), /^would count 7 moons$/m);
});

/** Flags whose value no source looks at: their property stands in its declaration and nowhere else. */
function unread(flags: readonly { name: string; property: string }[], texts: readonly string[]): string[] {
  const code = texts.map((text) => text.replace(/"(?:[^"\\\n]|\\.)*"|\/\*[^]*?\*\/|\/\/.*/g, ""));
  return flags.flatMap(({ name, property }) => {
    const mention = new RegExp(`\\b${property}\\b(?!: (?:toggle|single|list|choices?)\\()`);
    return code.some((text) => mention.test(text)) ? [] : [name];
  });
}

describe("a flag", () => {
  const texts = readSources().map(({ text }) => text);
  const declared = texts.flatMap((text) =>
    [...text.matchAll(/^ {2}(\w+): (?:toggle|single|list|choices?)\(\{\s*name: "([^"]+)"/gm)].map(
      ([, property = "", name = ""]) => ({
        property,
        name,
      }),
    ),
  );

  test("is declared once, in a section", () => {
    assert.deepEqual(
      declared.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1)),
      ALL_FLAGS.map(({ name }) => name).toSorted((a, b) => (a < b ? -1 : 1)),
    );
  });

  test("is read", () => {
    // What turns a section on is read by its name.
    const byName = declared.filter(({ property }) => property !== "isOn");
    assert.deepEqual(unread(byName, texts), []);
    assert.deepEqual(unread([{ name: "moon-count", property: "moons" }], [SECTION]), ["moon-count"]);
  });

  test("has a name, aliases and a key that no other has", () => {
    const spellings = ALL_FLAGS.flatMap(({ name, short, aliases = [] }) => [name, short ?? [], aliases].flat());
    assert.equal(new Set(spellings).size, spellings.length);
    const keys = ALL_FLAGS.flatMap(({ key }) => key ?? []);
    assert.equal(new Set(keys).size, keys.length);
    for (const key of keys) assert.match(key, /^[a-z]+(?:[_.][a-z]+)*$/);
    assert.ok(SECTIONS.length > 5);
  });
});
