import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { SHELLS } from "../../src/cli/completions.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
import { MANUALS, TOPICS } from "../../src/cli/manuals.ts";
import { ALL_FLAGS } from "../../src/daemon/config.ts";

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));

function promtap(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: "utf8" });
  return { status, stdout, stderr };
}

test("check is --check, and run is no command at all", () => {
  const flags = ["--geoip", "--web.listen-address=unix:/nowhere/promtap"];
  const refused = promtap("--check", ...flags);
  assert.equal(refused.status, 1);
  assert.deepEqual(promtap("check", ...flags), refused);
  assert.deepEqual(promtap("run", "--check", ...flags), refused);
});

test("help and --help are the same, and name all commands and topics", () => {
  const { status, stdout } = promtap("help");
  assert.equal(status, 0);
  assert.equal(promtap("--help").stdout, stdout);
  for (const [name, about] of Object.entries({ ...COMMANDS, ...TOPICS })) {
    assert.ok(stdout.includes(`  ${name.padEnd(30)}${about}\n`), name);
  }
});

test("help shows the manual of each topic, as it stands in the sources", () => {
  for (const [topic, { path }] of Object.entries(MANUALS)) {
    const { status, stdout } = promtap("help", topic);
    assert.equal(status, 0);
    assert.equal(stdout, readFileSync(new URL(`../../${path}`, import.meta.url), "utf8"));
  }
});

test("completion and man print every flag", () => {
  for (const args of [...SHELLS.map((shell) => ["completion", shell]), ["man"]]) {
    const { status, stdout } = promtap(...args);
    assert.equal(status, 0);
    for (const { name } of ALL_FLAGS) {
      const spelled = args[0] === "man" ? name.replaceAll("-", String.raw`\-`) : name;
      assert.ok(stdout.includes(spelled), `${args.join(" ")}: ${name}`);
    }
  }
});

test("a word that no command takes is refused", () => {
  for (const [args, message] of [
    [["moon"], /^unexpected argument "moon": no flag takes it/],
    [["help", "moon"], /^no manual "moon": there are overview, .*, wialon, /],
    [["help", "__proto__"], /^no manual "__proto__": there are /],
    [["help", "wialon", "moon"], /^unexpected argument "moon": help takes one topic/],
    [["check", "moon"], /^unexpected argument "moon": no flag takes it/],
    [["completion"], /^completion needs a shell: bash, zsh, fish/],
    [["completion", "ksh"], /^completion needs a shell: bash, zsh, fish/],
    [["__proto__"], /^unexpected argument "__proto__": no flag takes it/],
  ] as const) {
    const { status, stderr } = promtap(...args);
    assert.equal(status, 2);
    assert.match(stderr, message);
  }
});
