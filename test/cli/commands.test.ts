import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { test } from "node:test";
import { SHELLS } from "../../src/cli/completions.ts";
import { COMMANDS } from "../../src/cli/commands.ts";
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

test("help and --help are the same, and name all commands", () => {
  const { status, stdout } = promtap("help");
  assert.equal(status, 0);
  assert.equal(promtap("--help").stdout, stdout);
  for (const [name, about] of Object.entries(COMMANDS)) {
    assert.ok(stdout.includes(`  ${name.padEnd(30)}${about}\n`), name);
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
    [["help", "moon"], /^unexpected argument "moon": the command takes none/],
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
