import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { MAIN } from "./program.ts";

const manual = readFileSync(join(import.meta.dirname, "../../src/collectors/wialon/README.md"), "utf8");

/** What a terminal shows of a manual with this pager, and the exit status; script(1) makes the terminal. */
function shown(variable: string): { status: number | null; text: string } {
  const command = `env -u PAGER -u LESS ${variable} '${process.execPath}' '${MAIN}' help wialon`;
  const args = ["--quiet", "--return", "--command", command, "/dev/null"];
  const { status, stdout } = spawnSync("script", args, { encoding: "utf8" });
  return { status, text: stdout.replaceAll("\r\n", "\n") };
}

describe("on a terminal, a manual", { skip: lacking("script") }, () => {
  test("goes through the command that PAGER holds", () => {
    using folder = new TemporaryFolder();
    const file = join(folder.path, "paged text");
    const { status, text } = shown(`PAGER='cat > "${file}"; echo "paged with $LESS"'`);
    assert.deepEqual({ status, text }, { status: 0, text: "paged with FRX\n" });
    assert.equal(readFileSync(file, "utf8"), manual);
  });

  test("may be left before its end", () => {
    assert.deepEqual(shown("PAGER=true"), { status: 0, text: "" });
  });

  test("outlives the interrupt of a terminal, which is the pager's", () => {
    assert.deepEqual(shown("PAGER='kill -INT $PPID; echo goes on'"), { status: 0, text: "goes on\n" });
  });

  test("is printed if PAGER can't be run, or there is no less", () => {
    const { status, text } = shown("PAGER=/nowhere/pager");
    assert.equal(status, 0);
    assert.match(text, /not found/);
    assert.ok(text.endsWith(manual));
    assert.deepEqual(shown("PATH=/nowhere"), { status: 0, text: manual });
  });
});
