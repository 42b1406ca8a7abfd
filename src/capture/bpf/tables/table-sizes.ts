import { type RangeTable, rangeSeries } from "../../../ledger/ranges.ts";
import { ROW_CELLS } from "../../../ledger/rows.ts";
import { type DispenserPlace, dispenserBytes, queueLength } from "./dispenser.ts";
import { CHUNK_SLOTS, COLUMN_STEP, FIRST_FREE_SLOT, SLOT_BYTES } from "../layout.ts";
import { UNOPENED_COUNTERS } from "./unopened-counters.ts";
import type { Places } from "./places.ts";
import { VlanNumber } from "../vlans/vlan-layout.ts";

/** Listed IPv4 addresses that get a row each from the start: 2 MiB of rows at most, and one look-up less a packet. */
const PLACES_WITH_ROWS = 16_384;
/** Listed IPv4 addresses that get all their slots at once as well, 1.5 KiB for each lane: see `denseSlot`. */
const DENSE_PLACES = 4096;
/** Memory of the counters of all interfaces, in which slots and lanes must find room. */
const ALL_COUNTERS_BYTES = 64 * 1024 * 1024;
/** Slots that are set aside for an address, on the average: all it can have, or as many as there is room for. */
const MIN_SLOTS_PER_ROW = 3;
/** Addresses that an interface has room for, however many share the memory. */
const MIN_ROWS = 1024;
/** A row and its keys take as much memory as this many slots. */
const SLOTS_PER_ROW = 3;
/** Rows that wait to be given out again, and those of addresses that the limit leaves no series; and one more for every 16. */
const SPARE_ROWS = 64;
/** Of the rows that are given out on first use, so many are for what sends alone: a scan of a network leaves them. */
const SENDERS_SHARE = 1 / 16;

/** How large the tables are; see layout.ts. */
export interface TableSizes {
  hasPlaceMap: boolean;
  /** Numbers of VLANs, each with rows for its refused addresses; 0 if VLANs are not told apart. See vlans/vlan-layout.ts. */
  vlans: number;
  /** Rows for refused addresses, of one VLAN. */
  others: number;
  /** The first of those that have all their slots from the start: they take what others are refused. */
  firstFixedRow: number;
  /** Row of the first address; those before it take the refused ones, and row 0 is never used. */
  firstRow: number;
  rows: number;
  /** The first row that is given out on first use. */
  firstDynamicRow: number;
  /** Rows that only what sends is given. */
  rowsForSenders: number;
  slots: number;
  /** The first slot that is given out on first use. */
  firstDynamicSlot: number;
  /** Numbers of slots and rows that can wait to be given out again: see Dispenser. */
  slotQueue: number;
  rowQueue: number;
  /**
   * If there are few addresses, each has all its slots from the start, from here on: a program computes the slot,
   * and touches half as much memory. Those of one direction and protocol stand side by side, because most traffic is of
   * few protocols: fewer pages are touched. 0 if slots are given out on first use.
   */
  denseSlot: number;
  /** Addresses that have all their slots. */
  densePlaces: number;
  lanes: number;
  isAtomic: boolean;
}

/** Addresses that have a place or a row, as far as there is room for them. */
interface Addresses {
  readonly hasPlaceMap: boolean;
  /** That may be active at the same time. */
  readonly active: number;
  /** Of these, those that are given a row on first use. */
  readonly dynamic: number;
}

/** The slots of one lane; see `tableSizes`. */
type SlotSpace = Pick<TableSizes, "slots" | "firstDynamicSlot" | "denseSlot" | "densePlaces">;

/**
 * Chooses sizes for the ranges: `siblings` interfaces share the memory, `cpus` CPUs may count at the same time; `vlans`:
 * see TableSizes. The slots of a lane:
 *
 *     0     1        2         vlans              denseSlot                firstDynamicSlot        slots
 *     | all | events | all, by | rows for refused | every place, column by | given out on first use |
 *     |     |        | VLAN    | addresses        | column, if few         |                        |
 *     '------------------- fixed -----------------'
 */
export function tableSizes(
  ranges: RangeTable,
  places: Places,
  maxAddresses: number,
  siblings: number,
  cpus: number,
  isRealtime: boolean,
  vlans = 0,
): TableSizes {
  const others = ranges.groups * 2;
  const firstRow = 1 + others * Math.max(vlans, 1);
  const room = ALL_COUNTERS_BYTES / Math.max(siblings, 1) / SLOT_BYTES;
  const addresses = countAddresses(ranges, places, maxAddresses, room, vlans);
  const { hasPlaceMap, dynamic } = addresses;
  const firstDynamicRow = firstRow + (hasPlaceMap || vlans > 0 ? 0 : places.count);
  const rows = firstDynamicRow + dynamic + spareRows(dynamic);
  const fixed = firstFreeSlot(vlans) + others * ROW_CELLS;
  const lanes = countLanes(cpus, fixed + addresses.active * MIN_SLOTS_PER_ROW, room);
  const space = divideSlots(addresses, vlans > 0 ? 0 : places.count, fixed, room / lanes);
  return {
    hasPlaceMap,
    vlans,
    others,
    firstFixedRow: 1 + (vlans > 0 ? VlanNumber.OTHER * others : 0),
    firstRow,
    rows,
    firstDynamicRow,
    rowsForSenders: Math.floor(dynamic * SENDERS_SHARE),
    ...space,
    slotQueue: queueLength(space.slots),
    rowQueue: queueLength(rows),
    lanes,
    isAtomic: lanes < cpus || isRealtime,
  };
}

function countAddresses(
  ranges: RangeTable,
  places: Places,
  maxAddresses: number,
  room: number,
  vlans: number,
): Addresses {
  const hasPlaceMap = vlans === 0 && places.count > PLACES_WITH_ROWS;
  const ipv6Series = ranges.ranges.reduce((sum, range) => sum + (range.version === 6 ? rangeSeries(range) : 0), 0);
  // What finds no room in an interface's share goes to the refused, and is told.
  const shared = Math.max(MIN_ROWS, Math.min(maxAddresses, Math.floor(room / (MIN_SLOTS_PER_ROW + SLOTS_PER_ROW))));
  const max = Math.min(maxAddresses, shared);
  const all = (places.count + ipv6Series) * Math.max(vlans, 1);
  return {
    hasPlaceMap,
    active: Math.min(max, all),
    dynamic: Math.min(max, hasPlaceMap || vlans > 0 ? all : ipv6Series),
  };
}

function spareRows(dynamic: number): number {
  return dynamic === 0 ? 0 : SPARE_ROWS + Math.ceil(dynamic / 16);
}

/** A lane for each CPU, or so few that the fewest slots that are needed have room in each. */
function countLanes(cpus: number, minSlots: number, room: number): number {
  let lanes = Number.isFinite(cpus) ? 2 ** Math.ceil(Math.log2(cpus)) : 1;
  while (lanes > 1 && lanes * minSlots > room) lanes /= 2;
  return lanes;
}

/** Divides a lane that has room for so many slots, of which the first ones are `fixed`. */
function divideSlots(
  { hasPlaceMap, active, dynamic }: Addresses,
  places: number,
  fixed: number,
  room: number,
): SlotSpace {
  // A column's offset in a row, a multiple of COLUMN_STEP, is what programs compute its first slot from.
  const listed = Math.ceil(places / COLUMN_STEP) * COLUMN_STEP;
  const dense = hasPlaceMap || places > DENSE_PLACES ? 0 : listed * ROW_CELLS;
  const isDense = dense > 0 && fixed + dense + dynamic * MIN_SLOTS_PER_ROW <= room;
  const firstDynamicSlot = isDense ? fixed + dense : fixed;
  const counted = isDense ? dynamic : active;
  const each = Math.floor((room - firstDynamicSlot) / Math.max(counted, 1));
  const wanted = firstDynamicSlot + counted * Math.max(MIN_SLOTS_PER_ROW, Math.min(ROW_CELLS, each));
  return {
    slots: wanted > CHUNK_SLOTS ? Math.ceil(wanted / CHUNK_SLOTS) * CHUNK_SLOTS : wanted,
    firstDynamicSlot,
    denseSlot: isDense ? fixed : 0,
    densePlaces: isDense ? listed : 0,
  };
}

/** The first slot behind those of all frames and events. */
export function firstFreeSlot(vlans: number): number {
  return Math.max(FIRST_FREE_SLOT, vlans);
}

/** Where slots are given out from. */
export function slotDispenser({ slots, slotQueue }: TableSizes): DispenserPlace {
  return { offset: 0, capacity: slots, queue: slotQueue };
}

/** Where rows are given out from, behind the slots. */
export function rowDispenser(sizes: TableSizes): DispenserPlace {
  return { offset: dispenserBytes(slotDispenser(sizes)), capacity: sizes.rows, queue: sizes.rowQueue };
}

/** Where it is counted what tunnels were not opened, by `Unopened`: 64 bits each. */
export function unopenedOffset(sizes: TableSizes): number {
  const rows = rowDispenser(sizes);
  return rows.offset + dispenserBytes(rows);
}

export function stateBytes(sizes: TableSizes): number {
  return unopenedOffset(sizes) + 8 * UNOPENED_COUNTERS;
}
