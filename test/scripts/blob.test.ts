import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { hideSeed, writeBlob } from "../../scripts/blob.ts";
import { bundle } from "../../scripts/bundle.ts";
import { native } from "../../scripts/target.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const CODE = "(function () { return { first: 1, second: 2 }; })";
const WRITE = "process.stdout.write(new (require('vm').Script)(process.argv[1]).createCachedData())";
const READ = `const cachedData = require("fs").readFileSync(process.argv[2]);
process.stdout.write(String(new (require("vm").Script)(process.argv[1], { cachedData }).cachedDataRejected));`;

function cacheOf(...flags: readonly string[]): Buffer {
  return execFileSync(native.nodeBinary, [...flags, "-e", WRITE, CODE]);
}

describe("the blob of the binary", () => {
  test("is the same for the same code, wherever it is written", async () => {
    using first = new TemporaryFolder();
    using second = new TemporaryFolder();
    const { code } = await bundle();
    const blobs = [first, second].map(({ path }) =>
      readFileSync(writeBlob({ ...native, cache: path }, code, { name: import.meta.filename }, [], ["--no-warnings"])),
    );
    assert.ok(blobs[0]!.equals(blobs[1]!));
  });

  test("has a code cache that a run without its seed takes", () => {
    using folder = new TemporaryFolder();
    const cached = cacheOf("--hash-seed=1");
    assert.ok(cached.equals(cacheOf("--hash-seed=1")));
    const path = join(folder.path, "cache");
    const isRejected = (): string => execFileSync(native.nodeBinary, ["-e", READ, CODE, path], { encoding: "utf8" });
    writeFileSync(path, cached);
    assert.equal(isRejected(), "true");
    hideSeed(cached, cacheOf());
    writeFileSync(path, cached);
    assert.equal(isRejected(), "false");
  });

  test("must have one code cache", () => {
    const header = cacheOf();
    assert.throws(() => hideSeed(Buffer.from("none"), header), /has not one code cache$/);
    assert.throws(() => hideSeed(Buffer.concat([header, header]), header), /has not one code cache$/);
  });
});
