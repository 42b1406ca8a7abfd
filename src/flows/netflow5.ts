import type { UseOf } from "./elements.ts";
import { Template } from "./template.ts";

/*
 * NetFlow v5: up to 30 records of one kind behind a header.
 *
 *   header: 0 version | 2 count | 4 uptime u32 | 8 seconds u32 | 12 nanoseconds u32 | 16 sequence u32
 *           20 engine type u8 | 21 engine id u8 | 22 sampling u16: mode in 2 bits, interval in 14
 */
export const VERSION_5 = 5;
export const HEADER_5_BYTES = 24;
export const COUNT_5 = 2;
export const SEQUENCE_5 = 16;
export const ENGINE_5 = 20;
export const SAMPLING_5 = 22;
/** Of the 16 bits at SAMPLING_5. */
export const INTERVAL_5_MASK = 0x3fff;

/** The fields of a record by their numbers in v9, with their lengths; 0 is padding. */
const LAYOUT: readonly (readonly [element: number, length: number])[] = [
  [8, 4],
  [12, 4],
  [15, 4],
  [10, 2],
  [14, 2],
  [2, 4],
  [1, 4],
  [22, 4],
  [21, 4],
  [7, 2],
  [11, 2],
  [0, 1],
  [6, 1],
  [4, 1],
  [5, 1],
  [16, 2],
  [17, 2],
  [9, 1],
  [13, 1],
  [0, 2],
];

/** How its records are laid out, of what is asked for. */
export function template5(uses: UseOf): Template {
  return new Template(LAYOUT.map(([element, length]) => ({ length, use: uses(element, 0) })));
}
