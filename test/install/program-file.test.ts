import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { readProgram } from "../../src/install/program-file.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const MACHINES = { x64: 62, arm64: 183 };
const ELSEWHERE = 8;

/** What looks like a program for a processor: elf(5). */
function program(machine: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.write("\x7fELF", "latin1");
  bytes.writeUInt16LE(machine, 18);
  return bytes;
}

const OURS = program(MACHINES[process.arch as keyof typeof MACHINES]);

/** A folder with a program, and files beside it. */
class Download extends TemporaryFolder {
  readonly program = join(this.path, "promtap");

  constructor(content: Uint8Array = OURS) {
    super();
    this.write("promtap", content);
  }

  write(name: string, content: string | Uint8Array): void {
    writeFileSync(join(this.path, name), content);
  }

  /** As sha256sum(1) tells it. */
  get sum(): string {
    return execFileSync("sha256sum", [this.program], { encoding: "utf8" }).slice(0, 64);
  }
}

test("a program is read if its sum is given, or stands beside it in any of the usual forms", async () => {
  using folder = new Download();
  const { sum } = folder;
  assert.deepEqual(await readProgram(folder.program, sum.toUpperCase()), { content: OURS, sum });
  for (const [name, text] of [
    ["promtap.sha256", `${sum}\n`],
    ["promtap.sha256", `${sum}  promtap\n`],
    ["SHA256SUMS", `${"0".repeat(64)}  promtap.tar.gz\n${sum} *./promtap\r\n`],
    ["sha256sums.txt", `${sum}  promtap\n`],
  ] as const) {
    using other = new Download();
    other.write(name, text);
    assert.equal((await readProgram(other.program, undefined)).sum, sum, name);
  }
});

test("a program whose sum nothing tells, or that has another, is refused", async () => {
  using folder = new Download();
  const unknown =
    /^couldn't upgrade: nothing tells the sum of .*\/promtap: give --sha256 SUM, or put promtap\.sha256 or SHA256SUMS or/;
  await assert.rejects(readProgram(folder.program, undefined), { message: unknown });
  folder.write("SHA256SUMS", `${folder.sum}  promtap.tar.gz\n`);
  await assert.rejects(readProgram(folder.program, undefined), { message: unknown });
  folder.write("SHA256SUMS", `${"0".repeat(64)}  promtap\n`);
  await assert.rejects(readProgram(folder.program, undefined), {
    message: /is not what .*SHA256SUMS has: its SHA-256 is [0-9a-f]{64}, not 0{64}$/,
  });
});

test("what is no program, or one for another processor, is refused, and what never ends is not read", async () => {
  for (const [content, reason] of [
    [Buffer.from("#!/bin/sh\n"), /promtap is no program of Linux; unpack the tarball/],
    [Buffer.alloc(0), /promtap is no program of Linux/],
    [OURS.subarray(0, 10), /promtap is no program of Linux/],
    [program(ELSEWHERE), /promtap is for another processor than this one, /],
  ] as const) {
    using folder = new Download(content);
    await assert.rejects(readProgram(folder.program, folder.sum), { message: reason });
  }
  await assert.rejects(readProgram("/dev/zero", "0".repeat(64)), {
    message: /couldn't read \/dev\/zero: it is not a regular file/,
  });
  await assert.rejects(readProgram("/nowhere/promtap", undefined), {
    message: /couldn't read \/nowhere\/promtap: no such file/,
  });
});
