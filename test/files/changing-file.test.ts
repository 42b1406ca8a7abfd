import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { describe, test } from "node:test";
import { ChangingFile, type FileKind } from "../../src/files/changing-file.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const NUMBER: FileKind<number> = {
  maxBytes: 100,
  async parse(_path, bytes) {
    const number = Number(bytes.toString());
    if (Number.isNaN(number)) throw new Error("it is no number");
    return number;
  },
};

/** A folder with a file, opened; and what was told of it. */
async function openFile(folder: TemporaryFolder): Promise<{
  file: ChangingFile<number>;
  path: string;
  told: (string | undefined)[];
}> {
  const path = join(folder.path, "file");
  writeFileSync(path, "1");
  const told: (string | undefined)[] = [];
  return { file: await ChangingFile.open(path, NUMBER, (error) => told.push(error)), path, told };
}

describe("a file that changes", () => {
  test("is read again, and what it held stays in use while it is not sound", async () => {
    using folder = new TemporaryFolder();
    const { file, path, told } = await openFile(folder);
    assert.equal(await file.refresh(), false);
    writeFileSync(path, "22");
    assert.equal(await file.refresh(), true);
    writeFileSync(path, "many");
    for (let scrape = 0; scrape < 3; scrape++) assert.equal(await file.refresh(), false);
    assert.deepEqual([file.value, file.isCurrent], [22, false]);
    writeFileSync(path, "333");
    assert.equal(await file.refresh(), true);
    assert.deepEqual([file.value, file.isCurrent], [333, true]);
    assert.deepEqual(told, [undefined, "it is no number", undefined]);
  });

  test("is told once when it is gone or becomes a FIFO, and is read when it comes back as it was", async () => {
    using folder = new TemporaryFolder();
    const { file, path, told } = await openFile(folder);
    rmSync(path);
    for (let scrape = 0; scrape < 3; scrape++) assert.equal(await file.refresh(), false);
    execFileSync("mkfifo", [path]);
    for (let scrape = 0; scrape < 3; scrape++) assert.equal(await file.refresh(), false);
    assert.equal(file.value, 1);
    rmSync(path);
    writeFileSync(path, "1");
    assert.equal(await file.refresh(), true);
    assert.deepEqual(told, ["no such file or directory", "it is not a regular file", undefined]);
  });

  test("is tried again by itself if there were no descriptors to read it with", { timeout: 30_000 }, async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "file");
    writeFileSync(path, "1");
    const program = resolve(import.meta.dirname, "without-descriptors.ts");
    const command = ["-c", 'ulimit -n 100; exec "$@"', "sh", process.execPath, program, path];
    const child = spawn("sh", command, { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "close");
    const lines: string[] = [];
    createInterface(child.stdout).on("line", (line) => lines.push(line));
    await until("it has ended", () => lines.includes("2") || child.exitCode !== null);
    await ended;
    assert.deepEqual(lines, ["too many open files; raise LimitNOFILE", "read again", "2"]);
  });
});
