import type { ByteReader } from "../state/byte-reader.ts";
import { ByteWriter } from "../state/byte-writer.ts";
import type { Carried, CustomerSum } from "./customer-bytes.ts";
import { type Interval, INTERVAL_MS } from "./intervals.ts";

/** The section of the state that has the interval that is not over. */
export const INTERVAL_SECTION = "bill";
const MAX_CUSTOMERS = 2 ** 24;

/*
 * The section: numbers and texts are those of ByteWriter.
 *
 *     | interval | covered ms | number of customers | customer ... |
 *
 *     customer  | labels: text | bytes in | bytes out |
 */

/** An interval that is not over, and what customers had in it so far. */
export interface KeptInterval extends Interval {
  readonly sums: Carried;
}

/** The bytes of an interval; the event loop has its turns. */
export async function writeInterval(
  { number, coveredMs }: Interval,
  sums: Iterable<CustomerSum | undefined>,
  nextTurn: () => Promise<unknown>,
): Promise<Uint8Array[]> {
  const body = new ByteWriter();
  let count = 0;
  for (const sum of sums) {
    if (sum === undefined) {
      await nextTurn();
      continue;
    }
    body.text(sum.labels());
    body.numbers([sum.bytesIn, sum.bytesOut]);
    count++;
  }
  const head = new ByteWriter();
  head.numbers([number, Math.round(coveredMs), count]);
  return [head.filled, body.filled];
}

/** Throws an Error if it can't be that. */
export function readInterval(reader: ByteReader): KeptInterval {
  const number = reader.whole(Number.MAX_SAFE_INTEGER / INTERVAL_MS);
  const coveredMs = reader.whole(INTERVAL_MS);
  const sums: Carried = new Map();
  for (let left = reader.whole(MAX_CUSTOMERS); left > 0; left--) {
    const labels = reader.text();
    const [bytesIn, bytesOut] = sums.get(labels) ?? [0, 0];
    sums.set(labels, [bytesIn + reader.count(), bytesOut + reader.count()]);
  }
  return { number, coveredMs, sums };
}
