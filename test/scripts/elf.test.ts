import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { neededVersions, offsetOfSymbol } from "../../scripts/elf.ts";
import { assertPortable } from "../../scripts/portability.ts";
import { cache, root } from "../../scripts/project.ts";
import { native } from "../../scripts/target.ts";
import { lacking } from "../support/requirements.ts";

const { koffi, nodeBinary } = native;
const cap = join(cache, "addons", "cap.node");
const files = [nodeBinary, koffi, ...(existsSync(cap) ? [cap] : [])];

describe("what is read of an ELF file", { skip: lacking("readelf", "objdump") }, () => {
  test("are the versions that readelf names", () => {
    for (const file of files) {
      const listed = execFileSync("readelf", ["--version-info", "--wide", file], { encoding: "utf8" });
      const names = [...listed.matchAll(/Name: (\S+) {2}Flags/g)].map(([, name]) => name);
      assert.ok(names.length > 2);
      assert.deepEqual(neededVersions(readFileSync(file)), names);
    }
  });

  test("is where the code of a function lies", () => {
    const symbol = "napi_register_module_v1";
    const at = offsetOfSymbol(readFileSync(koffi), symbol);
    const listed = execFileSync("objdump", ["--disassemble", "--file-offsets", koffi], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const [, offset] = new RegExp(`<${symbol}[@\\w]*> \\(File Offset: 0x([0-9a-f]+)\\):`).exec(listed) ?? [];
    assert.equal(at, Number.parseInt(offset ?? "", 16));
    assert.throws(() => offsetOfSymbol(readFileSync(koffi), "no_such"), /exports no no_such$/);
  });
});

describe("a file that is given away", () => {
  for (const file of files) {
    test(`runs with glibc 2.28 and the libstdc++ of GCC 8: ${file.slice(root.length)}`, () => {
      assertPortable("it", readFileSync(file));
    });
  }

  test("is refused if it needs a newer system", () => {
    const bytes = readFileSync(koffi).toString("latin1");
    for (const [old, newer] of [
      ["GLIBC_2.25", "GLIBC_2.29"],
      ["GLIBC_2.14", "GLIBC_3.14"],
      ["GLIBCXX_3.4.11", "GLIBCXX_3.4.26"],
      ["GLIBC_2.16", "OTHER_2.16"],
    ] as const) {
      const patched = Buffer.from(bytes.replaceAll(`${old}\0`, `${newer}\0`), "latin1");
      const message = `koffi.node would not run where it has to: it needs ${newer}`;
      assert.throws(() => assertPortable("koffi.node", patched), { message });
    }
  });
});
