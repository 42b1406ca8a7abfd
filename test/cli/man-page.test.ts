import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { test } from "node:test";
import { manPage } from "../../src/cli/man-page.ts";
import { list, single, toggle } from "../../src/config/flag.ts";
import { section } from "../../src/config/section.ts";
import { lacking } from "../support/requirements.ts";

const PAGE = manPage(
  [
    section("Traffic", {
      interfaces: list({
        name: "interface",
        short: "i",
        aliases: ["device"],
        value: "NAME",
        default: "auto",
        help: "'auto' and \\ are shown.",
        parse: String,
      }),
      read: single({ name: "read", value: "FILE", help: "A file.", parse: String }),
    }),
    section("Log", { debug: toggle({ name: "debug", help: ".dots begin no request." }) }),
  ],
  {
    version: "1.2.3",
    summary: "Accounts traffic.",
    commands: { check: "Says what would run." },
    behind: { check: { flags: [{ name: "dry", value: "WHAT", help: "Does nothing." }] } },
    topics: { wialon: "GPS trackers." },
    notes: { "Exit status": "0  done\n\n  promtap -i eth0\n      counts eth0" },
  },
);

test("the manual page says of every flag what its declaration says", { skip: lacking("man") }, () => {
  const shown = execFileSync("man", ["-l", "-"], {
    input: PAGE,
    encoding: "utf8",
    env: { ...process.env, MANWIDTH: "100", LC_ALL: "C.UTF-8", MAN_KEEP_FORMATTING: "" },
  });
  const lines = shown.split("\n").map((line) => line.trim());
  for (const line of [
    "check  Says what would run.",
    "wialon GPS trackers.",
    "--dry WHAT",
    "Does nothing.",
    "-i, --interface NAME",
    "'auto' and \\ are shown. Default: auto. Repeatable. Also --device.",
    "--read FILE",
    "A file.",
    ".dots begin no request.",
    "EXIT STATUS",
    "promtap -i eth0",
  ]) {
    assert.ok(lines.includes(line), `${line}\n${shown}`);
  }
});

test("groff has nothing to say of the manual page", { skip: lacking("man") }, () => {
  const { stderr, status } = spawnSync("man", ["--warnings=w", "-l", "-"], { input: PAGE, encoding: "utf8" });
  assert.deepEqual({ stderr, status }, { stderr: "", status: 0 });
});
