import type { MapFds } from "./layout.ts";
import { Places } from "./places.ts";
import { type ProgramOptions, writeProgram } from "./program/program.ts";
import type { RangeTable } from "../../ledger/ranges.ts";
import { tableSizes } from "./kernel-tables.ts";

/** Numbers that stand for maps, which are not made. */
const FDS: MapFds = {
  counters: 1,
  rows: 2,
  places: 3,
  keys: 4,
  index: 5,
  state: 6,
  budget: 7,
  tables: 8,
  ranges: 9,
};
const NAMES = new Map(Object.entries(FDS).map(([name, fd]) => [fd, name]));

/** Who else is counting, which decides how large the tables are. */
export interface ListedHost {
  siblings: number;
  cpus: number;
  isRealtime: boolean;
}

/** The program that an engine would load, as annotated assembly. No map is made, so that no right is needed. */
export function listProgram(
  options: ProgramOptions,
  ranges: RangeTable,
  { siblings, cpus, isRealtime }: ListedHost,
): string {
  const places = new Places(ranges);
  const sizes = tableSizes(ranges, places, options.maxAddresses, siblings, cpus, isRealtime);
  return writeProgram(options, ranges, places, { fds: FDS, sizes }).listing(NAMES);
}
