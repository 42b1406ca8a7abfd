import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { effectiveCapabilities } from "../../src/native/capabilities.ts";
import { lacking } from "../support/requirements.ts";

const MODULE = join(import.meta.dirname, "../../src/native/capabilities.ts");
const LIBC = join(import.meta.dirname, "../../src/native/libc.ts");
/** Bits of linux/capability.h. */
const NET_ADMIN = 1n << 12n;
const NET_RAW = 1n << 13n;
const BPF = 1n << 39n;

type Sets = Record<"CapInh" | "CapPrm" | "CapEff" | "CapBnd" | "CapAmb", bigint>;

interface Outcome {
  kept: string[] | number;
  before: Sets;
  after: Sets;
  /** Of a program that was started afterwards. */
  child: Sets;
}

/** Runs code in a process of its own, because what is given up is gone. `prefix`: a program that starts it. */
function keep(names: readonly string[], prefix: readonly string[] = []): Outcome {
  const code = `
    import { execFileSync } from "node:child_process";
    import { readFileSync } from "node:fs";
    import { keepCapabilities } from ${JSON.stringify(MODULE)};
    const before = readFileSync("/proc/self/status", "latin1");
    const kept = keepCapabilities(${JSON.stringify(names)});
    const after = readFileSync("/proc/self/status", "latin1");
    const child = execFileSync("cat", ["/proc/self/status"], { encoding: "latin1" });
    console.log(JSON.stringify({ kept, before, after, child }));
  `;
  const [program, ...args] = [...prefix, process.execPath, "--input-type=module", "-e", code];
  const { kept, before, after, child } = JSON.parse(execFileSync(program, args, { encoding: "utf8" }));
  return { kept, before: setsOf(before), after: setsOf(after), child: setsOf(child) };
}

function setsOf(status: string): Sets {
  const entries = [...status.matchAll(/^(Cap\w+):\s*([0-9a-f]+)$/gm)];
  return Object.fromEntries(entries.map(([, name = "", digits = ""]) => [name, BigInt(`0x${digits}`)])) as Sets;
}

describe("capabilities", { skip: lacking("root", "setpriv") }, () => {
  test("that are not named are gone from every set, those of children too", () => {
    const { kept, after, child } = keep(["CAP_NET_RAW", "CAP_BPF"]);
    assert.deepEqual(kept, ["CAP_NET_RAW", "CAP_BPF"]);
    const left = NET_RAW | BPF;
    assert.deepEqual(after, { CapInh: 0n, CapPrm: left, CapEff: left, CapBnd: left, CapAmb: 0n });
    assert.equal(child.CapEff & ~left, 0n);
  });

  test("are all gone if none is named", () => {
    const { kept, after, child } = keep([]);
    assert.deepEqual(kept, []);
    assert.deepEqual(after, { CapInh: 0n, CapPrm: 0n, CapEff: 0n, CapBnd: 0n, CapAmb: 0n });
    assert.equal(child.CapEff, 0n);
  });

  test("that a user was given go likewise, and those kept stay with children", () => {
    const given = "+net_raw,+net_admin";
    const user = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    const prefix = ["setpriv", ...user, `--inh-caps=${given}`, `--ambient-caps=${given}`];
    const { kept, before, after, child } = keep(["CAP_NET_RAW", "CAP_SYS_ADMIN"], prefix);
    assert.equal(before.CapEff, NET_RAW | NET_ADMIN);
    assert.deepEqual(kept, ["CAP_NET_RAW"]);
    // The bounding set needs CAP_SETPCAP to change, and gives nothing to those who are not root.
    const expected = { CapInh: NET_RAW, CapPrm: NET_RAW, CapEff: NET_RAW, CapBnd: before.CapBnd, CapAmb: NET_RAW };
    assert.deepEqual(after, expected);
    assert.equal(child.CapEff, NET_RAW);
  });

  test("are left alone if there is nothing to give up", () => {
    const prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all"];
    const { kept, before, after } = keep([], prefix);
    assert.deepEqual(kept, []);
    assert.deepEqual(after, before);
  });
});

test(
  "capabilities that a file gave are passed on to programs, those named alone",
  { skip: lacking("root", "setpriv") },
  () => {
    const code = `
    import { execFileSync } from "node:child_process";
    import { passOnCapabilities } from ${JSON.stringify(MODULE)};
    import * as libc from ${JSON.stringify(LIBC)};
    // As a file's capabilities are: permitted, and no child has them.
    libc.capset({ ...libc.capget(), inheritable: 0n });
    const child = () => execFileSync("cat", ["/proc/self/status"], { encoding: "latin1" });
    const before = child();
    const result = passOnCapabilities(["CAP_NET_ADMIN", "CAP_BPF"]);
    console.log(JSON.stringify({ result, before, after: child() }));
  `;
    const given = "+net_raw,+net_admin";
    const prefix = [
      "--reuid=65534",
      "--regid=65534",
      "--clear-groups",
      `--inh-caps=${given}`,
      `--ambient-caps=${given}`,
    ];
    const args = [...prefix, process.execPath, "--input-type=module", "-e", code];
    const { result, before, after } = JSON.parse(execFileSync("setpriv", args, { encoding: "utf8" }));
    assert.equal(result, 0);
    assert.equal(setsOf(before).CapEff, 0n);
    assert.equal(setsOf(after).CapEff, NET_ADMIN);
  },
);

test("the effective capabilities are named by the bits that the kernel shows", () => {
  const { CapEff } = setsOf(readFileSync("/proc/self/status", "latin1"));
  const names = effectiveCapabilities();
  for (const [name, bit] of [
    ["CAP_NET_RAW", NET_RAW],
    ["CAP_NET_ADMIN", NET_ADMIN],
    ["CAP_BPF", BPF],
  ] as const) {
    assert.equal(names.includes(name), (CapEff & bit) !== 0n, name);
  }
});
