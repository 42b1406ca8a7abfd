import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const script = resolve(import.meta.dirname, "../../scripts/setup.sh");

/**
 * A checkout with a lockfile, and a PATH that holds the few tools the script itself needs, and programs that stand in
 * for the machine's own. Nothing of the real machine is installed or removed.
 */
class Checkout extends TemporaryFolder {
  readonly #bin = join(this.path, "bin");

  constructor() {
    super();
    for (const folder of ["bin", "scripts"]) mkdirSync(join(this.path, folder));
    copyFileSync(script, join(this.path, "scripts/setup.sh"));
    writeFileSync(join(this.path, "package-lock.json"), "{}");
    for (const tool of ["sh", "sed", "dirname", "cmp", "cp", "mkdir", "ln"]) {
      const found = ["/usr/bin", "/bin"].map((folder) => join(folder, tool)).find(existsSync);
      assert.ok(found !== undefined, tool);
      symlinkSync(found, join(this.#bin, tool));
    }
    this.program("id", "echo 1000");
    this.program("apt-get", "echo apt-get $* >>calls");
    this.program("node", "echo 20.0.0");
    this.program(
      "npm",
      'echo npm $* >>calls; mkdir -p node_modules/.bin; ln -sf "$(command -v node)" node_modules/.bin/node',
    );
  }

  program(name: string, body: string): void {
    const path = join(this.#bin, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
  }

  run(mode: string): { status: number | null; stderr: string } {
    return spawnSync("/bin/sh", [join(this.path, "scripts/setup.sh"), mode], {
      env: { PATH: this.#bin },
      encoding: "utf8",
    });
  }

  /** The calls that the stand-ins have seen. */
  get calls(): string {
    const path = join(this.path, "calls");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }
}

describe("setting a machine up", () => {
  test("names what is missing and the command that installs it, and goes on, if it may not install", () => {
    using checkout = new Checkout();
    checkout.program("flex", "");
    const { status, stderr } = checkout.run("run");
    assert.equal(status, 0);
    assert.match(stderr, /^setup: missing: .*\bbison\b.*\(only root may install them\); install them with: apt-get /m);
    assert.doesNotMatch(stderr, /\bflex\b/);
    assert.doesNotMatch(checkout.calls, /apt-get/);
  });

  test("installs the packages of the lockfile once, and again when it changes", () => {
    using checkout = new Checkout();
    for (let round = 0; round < 2; round++) assert.equal(checkout.run("run").status, 0);
    const installed = "npm ci --ignore-scripts --no-audit --no-fund --loglevel=error\n";
    assert.equal(checkout.calls, installed);
    writeFileSync(join(checkout.path, "package-lock.json"), '{"changed":true}');
    checkout.run("run");
    assert.equal(checkout.calls, installed + installed);
  });

  test("fails when the packages of the lockfile can't be installed, and tries again the next time", () => {
    using checkout = new Checkout();
    checkout.program("npm", "exit 1");
    for (let round = 0; round < 2; round++) {
      const { status, stderr } = checkout.run("run");
      assert.equal(status, 1);
      assert.match(stderr, /^setup: npm ci failed: /m);
    }
  });

  test("fails on a Node that is too old, and says which is needed", () => {
    using checkout = new Checkout();
    checkout.program("node", "echo 18.20.4");
    const { status, stderr } = checkout.run("run");
    assert.equal(status, 1);
    assert.match(stderr, /^setup: needs npm and Node 20 or newer to start from, found Node 18\.20\.4: /m);
  });

  test("knows its modes", () => {
    using checkout = new Checkout();
    const { status, stderr } = checkout.run("fast");
    assert.equal(status, 2);
    assert.equal(stderr, "setup: unknown mode fast: run, test, bench, packages or kernels\n");
  });
});
