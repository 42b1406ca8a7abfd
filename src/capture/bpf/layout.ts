import { BUCKET_BOUNDS, SLOT_DOUBLES } from "../../ledger/histogram.ts";
import { IPV4_COLUMN, IPV6_COLUMN } from "../../packet/protocols.ts";
import { EXTENSION_HEADERS } from "../../packet/transport.ts";

/*
 * The memory that the program and we share. All of it are arrays, so that we map them and read without a system call;
 * only the index of addresses is a hash, which we need not read: of IPv6, and of all if VLANs are told apart.
 *
 *   counters   slots of 7 exclusive buckets and the sum of bytes, 64 bits each. Every lane has all slots; a CPU counts
 *              in its own lane, so that nothing is shared and nothing is locked:
 *                  | lane 0: slot 0 (all frames) | slot 1 (events) | slot 2 ... | lane 1: slot 0 ...
 *              A lane is one element of the map, looked up once a packet; or several, if it is long
 *   rows       one an address: slots by direction and protocol, given out on first use
 *                  | tx: 12 slots, 3 spare, flag | rx: 12 slots, 3 spare, other row |
 *   places     place of a listed IPv4 address → row + 1, if there are too many addresses to give each a row at once
 *   keys       row → range and address of the IPv6 rows, and range and place of the IPv4 rows that are given out on first
 *              use; above the range the number of the VLAN, if VLANs are told apart
 *   state      what slots and rows are given out from: see Dispenser; and what tunnels were not opened, by reason
 *   tables     what the parser looks up
 *   ranges     what the ranges are rolled up by, and the row that takes refused addresses
 *   chain      the program, if it is too long for a socket
 */
/** Descriptors of the maps. */
export interface MapFds {
  readonly counters: number;
  readonly rows: number;
  readonly places: number;
  readonly keys: number;
  readonly index: number;
  readonly state: number;
  readonly tables: number;
  readonly ranges: number;
}

export const SLOT_BYTES = SLOT_DOUBLES * 8;
export const SUM_OFFSET = SLOT_BYTES - 8;
/** log2 of CHUNK_SLOTS. */
export const CHUNK_SHIFT = 16;
/** Slots that are always there. */
export const ALL_SLOT = 0;
export const EVENT_SLOT = 1;
export const FIRST_FREE_SLOT = 2;

/** Slots of an element of the counters: 4 MiB, the most that kernels before 6.13 take for one. */
export const CHUNK_SLOTS = 1 << CHUNK_SHIFT;

/** What slot 1 counts in the first lane, by offset in bytes. */
export const EVENT = { TRUNCATED: 0, MALFORMED: 8, AGGREGATED: 16, EXHAUSTED: 24 } as const;
export type EventOffset = (typeof EVENT)[keyof typeof EVENT];

const SLOT_ID_BYTES = 4;
/** Slots of one direction, rounded up so that a mask keeps a column inside. */
export const DIRECTION_BYTES = 64;
export const ROW_BYTES = 2 * DIRECTION_BYTES;
export const FLAG_OFFSET = DIRECTION_BYTES - SLOT_ID_BYTES;
export const OTHER_OFFSET = ROW_BYTES - SLOT_ID_BYTES;

/** Whether a row was given to somebody, of those that are given out on first use; the others are used as they are. */
export const FLAG = { FREE: 0, USED: 1 } as const;

export const KEY_BYTES = 24;
/** Where the number of the VLAN stands in a key. */
export const VLAN_IN_KEY = 4;
export const PLACE_BYTES = 8;

/** The next ticket, where tickets end, and the queue: see Dispenser. */
export const DISPENSER = { NEXT: 0, LIMIT: 8, QUEUE: 16 } as const;
export const QUEUE_ENTRY_BYTES = 4;

/** One entry of `ranges`: masks of the two halves of an address in network order, and rows for refused addresses. */
export const RANGE = { MASK_HIGH: 0, MASK_LOW: 8, OTHER_ROW: 16, BYTES: 24 } as const;

/** What the parser looks up: offsets of columns in a row, marks of extension headers, offsets of buckets in a slot. */
export const TABLE = {
  IPV4_COLUMN: 0,
  IPV6_COLUMN: 256,
  IS_EXTENSION: 512,
  BUCKET: 768,
  BYTES: 768 + (1 << 14),
} as const;
/** From a column to the next one in a row, in bytes; the mask keeps an offset inside, whatever was read. */
export const COLUMN_STEP = SLOT_ID_BYTES;
export const COLUMN_MASK = 0x3c;
/** Sizes are looked up in steps of the smallest bucket: up to 1 MiB; no packet is longer than 512 KiB (GSO_MAX_SIZE). */
export const BUCKET_STEP_BITS = 6;
export const BUCKET_LAST = TABLE.BYTES - TABLE.BUCKET - 1;
/** Keeps an offset inside the buckets of a slot and aligned, whatever was read. */
export const BUCKET_MASK = 0x38;

/** The bytes of `tables`. */
export function tables(): Uint8Array {
  const bytes = new Uint8Array(TABLE.BYTES);
  for (let protocol = 0; protocol < 256; protocol++) {
    bytes[TABLE.IPV4_COLUMN + protocol] = IPV4_COLUMN[protocol]! * COLUMN_STEP;
    bytes[TABLE.IPV6_COLUMN + protocol] = IPV6_COLUMN[protocol]! * COLUMN_STEP;
  }
  for (const header of EXTENSION_HEADERS) bytes[TABLE.IS_EXTENSION + header] = 1;
  for (let step = 0; step <= BUCKET_LAST; step++) {
    const found = BUCKET_BOUNDS.findIndex((bound) => step << BUCKET_STEP_BITS <= bound);
    bytes[TABLE.BUCKET + step] = 8 * (found < 0 ? BUCKET_BOUNDS.length : found);
  }
  return bytes;
}
