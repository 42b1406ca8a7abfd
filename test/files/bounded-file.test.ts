import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { markOf, readBounded } from "../../src/files/bounded-file.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

describe("a file is read", () => {
  test("up to the limit, and refused beyond it", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "file");
    for (const length of [0, 1, 2 ** 20 - 1, 2 ** 20]) {
      const written = Buffer.alloc(length, "ab");
      writeFileSync(path, written);
      assert.ok(written.equals((await readBounded(path, 2 ** 20)).bytes));
    }
    writeFileSync(path, Buffer.alloc(2 ** 20 + 1));
    await assert.rejects(readBounded(path, 2 ** 20), { message: "it is larger than 1 MiB" });
    truncateSync(path, 2 ** 40);
    await assert.rejects(readBounded(path, 2 ** 20), { message: "it is larger than 1 MiB" });
  });

  test("to its end even if it says that it is empty, as those of /proc do, and no further than the limit", async () => {
    const { bytes } = await readBounded("/proc/self/status", 2 ** 20);
    assert.match(bytes.toString(), /^Name:.*\nVmRSS:/s);
    await assert.rejects(readBounded("/proc/self/status", Math.floor(bytes.length / 2)), /^Error: it is larger than /);
  });

  test("but no FIFO, device or folder, and none that is not there", { timeout: 10_000 }, async () => {
    using folder = new TemporaryFolder();
    const fifo = join(folder.path, "fifo");
    execFileSync("mkfifo", [fifo]);
    for (const path of [fifo, "/dev/zero", folder.path]) {
      await assert.rejects(readBounded(path, 2 ** 20), { message: "it is not a regular file" });
    }
    await assert.rejects(readBounded(join(folder.path, "none"), 1), { message: "no such file or directory" });
  });

  test("with a mark that changes when the file does", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "file");
    assert.equal(await markOf(path), "");
    writeFileSync(path, "a");
    const { mark } = await readBounded(path, 1);
    assert.equal(await markOf(path), mark);
    writeFileSync(path, "ab");
    assert.notEqual(await markOf(path), mark);
  });
});
