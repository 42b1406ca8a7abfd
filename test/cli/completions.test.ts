import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { type AllBehind, completions, SHELLS } from "../../src/cli/completions.ts";
import { choice, list, single, toggle } from "../../src/config/flag.ts";
import { section } from "../../src/config/section.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const DRY = { name: "dry", help: "Do [nothing]." };
const SECTIONS = [
  section("All", {
    interfaces: list({ name: "interface", short: "i", value: "NAME", help: "It's [one] of: a, b\\c.", parse: String }),
    engine: choice({ name: "engine", choices: ["auto", "bpf", "ring"], default: "auto", help: "The engine." }),
    read: single({ name: "read", aliases: ["file"], value: "FILE", help: "A file. Or not.", parse: String }),
    folder: single({ name: "folder", value: "FOLDER", help: "A folder.", parse: String }),
    once: toggle({ name: "once", help: "Once." }),
  }),
];
const COMMANDS = { check: "Says what would run: all of it", help: "Prints the manual", put: "Puts it there" };
const BEHIND: AllBehind = {
  help: { word: { capture: "Engines: how it's seen", wialon: "Trackers" } },
  put: { flags: [{ name: "as", value: "NAME", choices: ["one", "two"], help: "A name." }, DRY], word: "FILE" },
  top: { flags: [DRY], hasAllFlags: true },
};

/** What bash offers for the last of these words, among files `capture.pcap` and `captures/`. */
function offered(...words: string[]): string[] {
  using folder = new TemporaryFolder();
  writeFileSync(join(folder.path, "capture.pcap"), "");
  mkdirSync(join(folder.path, "captures"));
  const script = `
    ${completions("bash", SECTIONS, COMMANDS, BEHIND)}
    compopt() { :; }
    COMP_WORDS=(promtap ${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length}
    _promtap
    printf '%s\\n' "\${COMPREPLY[@]}"`;
  const printed = execFileSync("bash", ["-c", script], { encoding: "utf8", cwd: folder.path });
  return printed
    .split("\n")
    .filter((line) => line !== "")
    .toSorted();
}

describe("completions for bash", { skip: lacking("bash") }, () => {
  test("offer commands first, and flags behind a dash", () => {
    assert.deepEqual(offered(""), ["check", "help", "put"]);
    assert.deepEqual(offered("c"), ["check"]);
    assert.deepEqual(offered("check", "--"), ["--engine=", "--folder=", "--interface=", "--once", "--read="]);
    assert.deepEqual(offered("check", "x"), []);
  });

  test("offer topics behind help alone", () => {
    assert.deepEqual(offered("help", ""), ["capture", "wialon"]);
    assert.deepEqual(offered("help", "w"), ["wialon"]);
    assert.deepEqual(offered("check", ""), []);
    assert.deepEqual(offered("help", "wialon", ""), []);
  });

  test("offer the flags of a command that has its own, and promtap's behind --", () => {
    assert.deepEqual(offered("put", "--"), ["--as=", "--dry"]);
    assert.deepEqual(offered("put", "--as", ""), ["one", "two"]);
    assert.deepEqual(offered("put", "--as", "=", "t"), ["two"]);
    assert.deepEqual(offered("put", "cap"), ["capture.pcap", "captures"]);
    assert.deepEqual(offered("top", "--d"), ["--dry"]);
    assert.deepEqual(offered("top", "--e"), ["--engine="]);
    assert.deepEqual(offered("put", "--", "--e"), ["--engine="]);
    assert.deepEqual(offered("put", "--e"), []);
  });

  test("offer the words that a value may be, glued or not", () => {
    assert.deepEqual(offered("--engine", ""), ["auto", "bpf", "ring"]);
    assert.deepEqual(offered("--engine", "=", "r"), ["ring"]);
    assert.deepEqual(offered("--engine", "="), ["auto", "bpf", "ring"]);
  });

  test("offer files and folders for values that are such", () => {
    assert.deepEqual(offered("--read", "cap"), ["capture.pcap", "captures"]);
    assert.deepEqual(offered("--file", "cap"), ["capture.pcap", "captures"]);
    assert.deepEqual(offered("--folder", "cap"), ["captures"]);
  });
});

for (const shell of SHELLS) {
  test(`${shell} takes its completions`, { skip: lacking(shell) }, () => {
    using folder = new TemporaryFolder();
    const file = join(folder.path, "promtap");
    writeFileSync(file, completions(shell, SECTIONS, COMMANDS, BEHIND));
    execFileSync(shell, ["-n", file], { stdio: "pipe" });
  });
}

test("fish offers commands, words and files", { skip: lacking("fish") }, () => {
  const script = (line: string) =>
    `${completions("fish", SECTIONS, COMMANDS, BEHIND)}\ncomplete -C ${JSON.stringify(line)}`;
  const words = (line: string) =>
    execFileSync("fish", ["--no-config", "-c", script(line)], { encoding: "utf8" })
      .split("\n")
      .filter((each) => each !== "")
      .map((each) => each.split("\t")[0]!)
      .toSorted();
  assert.deepEqual(words("promtap "), ["check", "help", "put"]);
  assert.deepEqual(words("promtap help "), ["capture", "wialon"]);
  assert.deepEqual(words("promtap put --"), ["--as", "--dry"]);
  assert.deepEqual(words("promtap put --as "), ["one", "two"]);
  assert.ok(words("promtap top --").includes("--dry"));
  assert.ok(!words("promtap check --").includes("--dry"));
  assert.deepEqual(words("promtap --engine "), ["auto", "bpf", "ring"]);
  assert.ok(words("promtap --").includes("--interface"));
});
