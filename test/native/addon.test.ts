import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";

import { ErrorCode, PromtapError } from "../../src/errors.ts";
import { loadAddon, loadAddonFrom } from "../../src/native/addon.ts";

const koffi = new URL(
  `../../node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`,
  import.meta.url,
);

describe("loading a native addon", () => {
  const bytes = readFileSync(koffi);
  let directory = "";

  before(() => {
    directory = mkdtempSync(join(tmpdir(), "promtap-test-"));
  });
  after(() => {
    rmSync(directory, { recursive: true });
  });

  test("gives what the addon exports, and leaves nothing in the directory", () => {
    const addon = loadAddonFrom("koffi.node", bytes, [directory]) as { version: string };
    assert.match(addon.version, /^\d+\.\d+\.\d+$/);
    assert.deepEqual(readdirSync(directory), []);
  });

  test("goes on to the next directory when one refuses", () => {
    const addon = loadAddonFrom("koffi.node", bytes, ["/nonexistent", "/proc", directory]) as { version: string };
    assert.match(addon.version, /^\d+\.\d+\.\d+$/);
  });

  test("names every directory and its reason when all refuse, and leaves nothing there", () => {
    assert.throws(
      () => loadAddonFrom("koffi.node", new Uint8Array([1, 2, 3, 4]), ["/nonexistent", directory]),
      (error) => {
        assert.ok(error instanceof PromtapError);
        assert.equal(error.code, ErrorCode.HOST);
        assert.match(error.message, /^couldn't load koffi\.node: .*\/nonexistent: ENOENT: no such file or directory; /);
        assert.ok(error.message.includes(`${directory}: file too short`), error.message);
        assert.match(error.message, /; set TMPDIR to a writable directory that is not mounted noexec$/);
        return true;
      },
    );
    assert.deepEqual(readdirSync(directory), []);
  });

  test("says so when the build does not carry it", () => {
    assert.throws(() => loadAddon("nothing.node"), {
      code: ErrorCode.HOST,
      message: "couldn't load nothing.node: this build of promtap does not carry it",
    });
  });
});
