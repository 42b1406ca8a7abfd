import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, beforeEach, describe, test } from "node:test";
import { promisify } from "node:util";

import { ErrorCode, PromtapError } from "../../src/errors.ts";
import { loadAddon, loadAddonFrom } from "../../src/native/addon.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const KOFFI = new URL(
  `../../node_modules/@koromix/koffi-linux-${process.arch}/linux_${process.arch}/koffi.node`,
  import.meta.url,
);
const ADDON = new URL("../../src/native/addon.ts", import.meta.url);
const bytes = readFileSync(KOFFI);

const isLoaded = (addon: unknown): void => assert.match((addon as { version: string }).version, /^\d+\.\d+\.\d+$/);

describe("loading a native addon", () => {
  const folder = new TemporaryFolder();
  let own = "";
  let absent = "";

  beforeEach((context) => {
    own = join(folder.path, context.name.replaceAll(/\W+/g, "-"));
    absent = join(own, "absent");
    mkdirSync(own, { mode: 0o700 });
  });
  after(() => {
    folder[Symbol.dispose]();
  });

  test("gives what the addon exports, and leaves nothing in the folder", () => {
    isLoaded(loadAddonFrom("koffi.node", bytes, { installed: [], writable: [own] }));
    assert.deepEqual(readdirSync(own), []);
  });

  test("goes on to the next folder when one refuses", () => {
    isLoaded(loadAddonFrom("koffi.node", bytes, { installed: [absent], writable: ["/proc", own] }));
  });

  test("takes the installed file, and needs no folder to write to", () => {
    writeFileSync(join(own, "koffi.node"), bytes, { mode: 0o644 });
    isLoaded(loadAddonFrom("koffi.node", bytes, { installed: [absent, own], writable: [] }));
  });

  test("takes no installed file that others could change, or that holds something else", () => {
    const path = join(own, "koffi.node");
    const places = { installed: [own], writable: [] };
    writeFileSync(path, bytes);
    chmodSync(path, 0o666);
    assert.throws(() => loadAddonFrom("koffi.node", bytes, places), /: koffi\.node is not root's alone to change\)/);
    chmodSync(path, 0o644);
    writeFileSync(path, Buffer.concat([bytes, Buffer.of(0)]));
    assert.throws(() => loadAddonFrom("koffi.node", bytes, places), /: koffi\.node is of another promtap\)/);
  });

  test("names every folder and its reason when all refuse, and leaves nothing there", () => {
    assert.throws(
      () => loadAddonFrom("koffi.node", bytes, { installed: [absent], writable: [absent, "/proc"] }),
      (error) => {
        assert.ok(error instanceof PromtapError);
        assert.equal(error.code, ErrorCode.HOST);
        const places = `${absent}: no such file or directory; /proc: no such file or directory`;
        const advice = "install it in /usr/lib/promtap, or set TMPDIR to a folder that is";
        const message = `couldn't load koffi.node: no folder is both writable and executable (${places}); ${advice}`;
        assert.equal(error.message, message);
        return true;
      },
    );
  });

  test("blames no folder for what is wrong with the addon", () => {
    const places = { installed: [], writable: [own, absent] };
    assert.throws(() => loadAddonFrom("koffi.node", Buffer.from("\x7fELF"), places), {
      code: ErrorCode.HOST,
      message: "couldn't load koffi.node: file too short",
    });
    const newer = Buffer.from(bytes.toString("latin1").replaceAll("GLIBC_2.25", "GLIBC_9.99"), "latin1");
    assert.throws(() => loadAddonFrom("koffi.node", newer, places), {
      code: ErrorCode.HOST,
      message:
        /^couldn't load koffi\.node: .*version `GLIBC_9\.99' not found.*; promtap needs glibc 2\.28 and the libstdc\+\+ of GCC 8$/,
    });
    assert.deepEqual(readdirSync(own), []);
  });

  test("says so when the build does not carry it", () => {
    assert.throws(() => loadAddon("nothing.node"), {
      code: ErrorCode.HOST,
      message: "couldn't load nothing.node: this build of promtap does not carry it",
    });
  });
});

/** Loads the addon that is installed in a folder, as the user nobody with these capabilities; returns what that says. */
async function loadAsNobody(folder: string, ...capabilities: string[]): Promise<string> {
  const program = `
    import { readFileSync } from "node:fs";
    import { loadAddonFrom } from ${JSON.stringify(ADDON)};
    try {
      const bytes = readFileSync(${JSON.stringify(KOFFI.pathname)});
      loadAddonFrom("koffi.node", bytes, { installed: [${JSON.stringify(folder)}], writable: [] });
      console.log("loaded");
    } catch (error) { console.log(error.message); }`;
  const list = ["-all", ...capabilities].join(",");
  const user = ["--reuid", "65534", "--regid", "65534", "--clear-groups", "--inh-caps", list, "--ambient-caps", list];
  const node = [process.execPath, "--input-type=module-typescript", "-e", program];
  return (await promisify(execFile)("setpriv", [...user, ...node])).stdout.trim();
}

test(
  "a user's own file is loaded only by a process that may do no more than the user",
  { skip: lacking("root", "setpriv") },
  async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "koffi.node");
    writeFileSync(path, bytes, { mode: 0o644 });
    chownSync(path, 65534, 65534);
    assert.equal(await loadAsNobody(folder.path), "loaded");
    assert.match(await loadAsNobody(folder.path, "+net_raw"), /: koffi\.node is not root's alone to change\)/);
    chownSync(path, 0, 0);
    assert.equal(await loadAsNobody(folder.path, "+net_raw"), "loaded");
  },
);
