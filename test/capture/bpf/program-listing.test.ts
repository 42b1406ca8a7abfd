import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { test } from "node:test";
import { listProgram } from "../../../src/capture/bpf/program-listing.ts";
import { Hook } from "../../../src/capture/bpf/program/program.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";

const OPTIONS = {
  isEthernet: true,
  ignoreOutgoing: false,
  maxAddresses: 1000,
  wireSizes: false,
  opensTunnels: false,
  zonings: [],
};
const HOST = { siblings: 1, cpus: 4, isRealtime: false };

/** Name of a golden listing → the program. */
const PROGRAMS = {
  "program-plain": { hook: Hook.SOCKET, ranges: [] },
  "program-ranges": { hook: Hook.SOCKET, ranges: ["10.1.2.0/24:site=ams", "2001:db8::/32/64:site=ams"] },
};

for (const [name, { hook, ranges }] of Object.entries(PROGRAMS)) {
  test(`the program is the golden ${name} (UPDATE_GOLDEN=1 writes it again)`, () => {
    const path = resolve(import.meta.dirname, `../../golden/${name}.asm`);
    const listing = withoutPositions(listProgram({ ...OPTIONS, hook }, new RangeTable(ranges.map(parseRange)), HOST));
    if (process.env["UPDATE_GOLDEN"]) writeFileSync(path, listing);
    assert.equal(listing, readFileSync(path, "utf8"));
  });
}

/** So that one instruction more is one line of a difference. */
function withoutPositions(listing: string): string {
  return listing.replace(/^ *[0-9]+: /gm, "      ");
}
