import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { FileLimit } from "../support/file-limit.ts";
import { descriptorLimit, hasDescriptors, RESERVED_DESCRIPTORS } from "../../src/native/descriptors.ts";

/** How many numbers below the reserve are taken, but for that of the descriptor by which they are listed. */
function countTaken(): number {
  const reserve = descriptorLimit() - RESERVED_DESCRIPTORS;
  return readdirSync("/proc/self/fd").filter((fd) => Number(fd) < reserve).length - 1;
}

test("the limit is the one that the shell tells, and Node.js has raised it to the hard one", () => {
  const hard = execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).trim();
  assert.equal(descriptorLimit(), Number(hard));
});

test("what can be had leaves the reserve, to the last one", () => {
  using _limit = new FileLimit(200);
  const before = countTaken();
  const left = descriptorLimit() - RESERVED_DESCRIPTORS - before;
  assert.equal(hasDescriptors(left), true);
  assert.equal(hasDescriptors(left + 1), false);
  assert.equal(hasDescriptors(0), true);
  assert.equal(countTaken(), before);
});
