import { closeSync, openSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ChangingFile } from "../../src/files/changing-file.ts";

/*
 * A program of its own, because it uses all descriptors that it may have: reads the file that is named, changes it, and
 * prints what is told of it until it has been read again, and what it holds then.
 */

const [, , path = ""] = process.argv;
const kind = { maxBytes: 100, parse: async (_: string, bytes: Buffer) => Number(bytes.toString()) };
const file = await ChangingFile.open(path, kind, (error) => console.log(error ?? "read again"));

const taken: number[] = [];
try {
  for (;;) taken.push(openSync("/dev/null", "r"));
} catch {
  // One is enough to write the file with.
  closeSync(taken.pop()!);
  writeFileSync(path, "2");
  taken.push(openSync("/dev/null", "r"));
}
for (let scrape = 0; scrape < 3; scrape++) await file.refresh();
for (const fd of taken) closeSync(fd);
while (!(await file.refresh())) await delay(50);
console.log(file.value);
