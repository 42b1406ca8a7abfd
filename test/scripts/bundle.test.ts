import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { bundle } from "../../scripts/bundle.ts";
import { root, version } from "../../scripts/project.ts";

describe("the bundle", () => {
  test("takes nothing from node_modules at run time, and its native parts from the binary", async () => {
    const { code } = await bundle();
    assert.match(code, /loadAddon\d*\("koffi\.node"\)/);
    assert.doesNotMatch(code, /require\("(@koromix|koffi)/);
  });

  test("carries the version, and tells which packages it was made of", async () => {
    const { code, packages } = await bundle();
    assert.ok(code.includes(`"${version}"`));
    assert.ok(packages.includes("node_modules/citty"));
    assert.ok(!packages.includes("node_modules/esbuild"));
  });

  test("keeps the constants that every packet needs", async () => {
    const { code } = await bundle();
    // What esbuild has made variables, alone or in a list.
    const variables = new Set(
      [...code.matchAll(/^var ([^=;]+)/gm)].flatMap(([, names = ""]) => names.trim().split(", ")),
    );
    assert.ok(variables.size > 0);
    for (const folder of ["packet", "ledger", "capture/ring"]) {
      for (const file of globSync(`src/${folder}/*.ts`, { cwd: root })) {
        const source = readFileSync(join(root, file), "utf8");
        for (const [, name = ""] of source.matchAll(/^(?:export )?const ([A-Z][A-Z0-9_]*)\b/gm)) {
          assert.ok(!variables.has(name), `${name} of ${file}`);
        }
      }
    }
  });

  test("leaves the client of Kafka to a part of its own, without what nobody uses of it", async () => {
    const { code, parts, packages } = await bundle();
    const part = parts["kafka-consumer-consumer.cjs"]!;
    assert.doesNotMatch(code, /node_modules\/@platformatic\/kafka/);
    assert.match(part, /node_modules\/@platformatic\/kafka/);
    assert.doesNotMatch(part, /node_modules\/(ajv|avsc|debug)\//);
    assert.ok(packages.includes("node_modules/@platformatic/kafka"));
    assert.ok(!packages.includes("node_modules/avsc"));
  });
});
