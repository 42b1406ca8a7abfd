import type { RangeTable } from "../../ledger/ranges.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import type { MapFds } from "./layout.ts";
import { type ProgramOptions, refuseFarJumps, writeProgram } from "./program/program.ts";
import { Places } from "./tables/places.ts";
import { tableSizes } from "./tables/table-sizes.ts";
import type { ZoneMaps } from "./zones/zone-layout.ts";
import { lanesOf, searchSteps, type Sharing, slotsOf } from "./zones/zone-sizes.ts";

/** What is counted, on which kind of interface. */
export interface ListedProgram extends Omit<ProgramOptions, "zones"> {
  zonings: readonly Zoning[];
  maxAddresses: number;
}

/**
 * The program that an engine would load, as annotated assembly. No map is made, so that no right is needed. Throws
 * PromtapError.
 */
export function listProgram(
  { zonings, maxAddresses, ...options }: ListedProgram,
  ranges: RangeTable,
  sharing: Sharing,
): string {
  const { siblings, cpus, isRealtime } = sharing;
  const places = new Places(ranges);
  const sizes = tableSizes(ranges, places, maxAddresses, siblings, cpus, isRealtime);
  const names = new NamedMaps();
  const fds: MapFds = {
    counters: names.add("counters"),
    rows: names.add("rows"),
    places: names.add("places"),
    keys: names.add("keys"),
    index: names.add("index"),
    state: names.add("state"),
    tables: names.add("tables"),
    ranges: names.add("ranges"),
  };
  const zones = zonings.map((zoning) => zoneMaps(zoning, sharing, names));
  return refuseFarJumps(() =>
    writeProgram({ ...options, zones }, ranges, places, { fds, sizes }).listing(names.byNumber),
  );
}

/** Numbers that stand for maps as their descriptors would. */
class NamedMaps {
  readonly byNumber = new Map<number, string>();

  add(name: string): number {
    const number = this.byNumber.size + 1;
    this.byNumber.set(number, name);
    return number;
  }
}

function zoneMaps(zoning: Zoning, sharing: Sharing, names: NamedMaps): ZoneMaps {
  const { label, table, ends } = zoning;
  const slots = slotsOf(zoning);
  const side = (version: 4 | 6) => ({
    directory: names.add(`${label}_directory${version}`),
    spans: names.add(`${label}_spans${version}`),
    steps: searchSteps(version === 4 ? table.ipv4 : table.ipv6),
  });
  return {
    ...lanesOf(slots.slotCount, sharing),
    fd: names.add(`${label}_counters`),
    zones: {
      ends,
      ipv4: side(4),
      ipv6: side(6),
      slots: names.add(`${label}_slots`),
      state: names.add(`${label}_state`),
      ...slots,
    },
  };
}
