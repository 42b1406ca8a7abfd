import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { type ListedProgram, listProgram } from "../../../../src/capture/bpf/program-listing.ts";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import * as storage from "../../../../src/capture/bpf/program/storage.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { RangeTable } from "../../../../src/ledger/ranges.ts";
import { Zoning } from "../../../../src/ledger/zones/zoning.ts";

const SOURCE = new URL("../../../../src/capture/bpf/program/storage.ts", import.meta.url);
/** Fields of what stands in a cell. */
const FIELD = /_(?:SOURCE|DESTINATION)$/;
const CELLS = Object.entries(storage).filter(([name]) => !FIELD.test(name));
const STACK_BYTES = 512;
const SIZES = { u8: 1, u16: 2, u32: 4, u64: 8 };

/** Lists of ranges, by what is done for their addresses. */
const RANGES: Record<string, string[]> = {
  "no range": [],
  "rows from the start": ["10.0.0.0/18"],
  "slots from the start": ["10.0.0.0/24", "2001:db8::/32/64"],
  "rows on first use": ["10.0.0.0/8", "::/0/32"],
};

describe("the stack of the program", () => {
  test("is drawn as it is", () => {
    const drawn = readFileSync(SOURCE, "utf8").matchAll(/^ \* +(-\d+) {2}(\w+)/gm);
    const offsets = new Map([...drawn].map(([, offset, name]) => [name!, Number(offset)]));
    assert.deepEqual(offsets, new Map(CELLS));
  });

  for (const [name, list] of Object.entries(RANGES)) {
    test(`is read and written cell by cell: ${name}`, () => {
      const found = new Set<string>();
      for (const hook of Object.values(Hook)) {
        const all = [
          ...accessesOf(hook, list, { wireSizes: true }),
          ...accessesOf(hook, list, { opensTunnels: true, maxVlans: 7 }),
        ];
        for (const access of all) {
          const [cell, , bytes] = access;
          assert.ok(isInside(access), `${bytes} bytes of ${cell}`);
          found.add(cell);
        }
      }
      assert.ok(
        found.has("KEY") &&
          found.has("ZONE_TO") &&
          found.has("LAST_BYTES") &&
          found.has("INNER") &&
          found.has("OUTER_VLAN"),
        [...found].join(),
      );
    });
  }
});

type Access = [cell: string, offset: number, bytes: number];

/** What the instructions of a program read and write by r10. */
function accessesOf(hook: Hook, list: readonly string[], options: Partial<ListedProgram>): Access[] {
  const listing = listProgram(
    {
      hook,
      isEthernet: true,
      ignoreOutgoing: true,
      maxAddresses: 1_000_000,
      wireSizes: false,
      opensTunnels: false,
      zonings: [new Zoning("country", 10)],
      ...options,
    },
    new RangeTable(list.map(parseRange)),
    { siblings: 1, cpus: 4, isRealtime: false },
  );
  // The program reads as text, so every label in it has a name.
  assert.doesNotMatch(listing, /^L\d+:$/m);
  return [...listing.matchAll(/\*\((u\d+) \*\)\(r10 (-\d+)\)/g)].map(([, type, at]) => {
    const offset = Number(at);
    return [cellAt(offset), offset, SIZES[type as keyof typeof SIZES]];
  });
}

/** The name of the cell that a byte is in. */
function cellAt(offset: number): string {
  const below = CELLS.filter(([, start]) => start <= offset).toSorted(([, a], [, b]) => b - a);
  assert.ok(offset < 0 && offset >= -STACK_BYTES && below.length > 0, `${offset} is in no cell`);
  return below[0]![0];
}

function isInside([cell, offset, bytes]: Access): boolean {
  return cellAt(offset + bytes - 1) === cell;
}
