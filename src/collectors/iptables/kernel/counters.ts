import { walkAttributes } from "../../../native/netlink.ts";
import { numberIn } from "./nf-tables.ts";

const NFTA_COUNTER_BYTES = 1;
const NFTA_COUNTER_PACKETS = 2;
const NFTA_QUOTA_BYTES = 1;
export const NFTA_QUOTA_CONSUMED = 4;

export interface Counter {
  packets: number;
  bytes: number;
}

/** What a quota allows, and how much of it is used. */
export interface Quota {
  bytes: number;
  used: number;
}

/** The counter whose attributes are bytes[from, to). */
export function counterIn(bytes: Uint8Array, from: number, to: number): Counter {
  const counter = { packets: 0, bytes: 0 };
  fillCounter(counter, bytes, from, to);
  return counter;
}

/** Hot. */
export function fillCounter(counter: Counter, bytes: Uint8Array, from: number, to: number): void {
  walkAttributes(bytes, from, to, (type, start, end) => {
    if (type === NFTA_COUNTER_BYTES) counter.bytes = numberIn(bytes, start, end);
    else if (type === NFTA_COUNTER_PACKETS) counter.packets = numberIn(bytes, start, end);
  });
}

export function quotaIn(bytes: Uint8Array, from: number, to: number): Quota {
  const quota = { bytes: 0, used: 0 };
  walkAttributes(bytes, from, to, (type, start, end) => {
    if (type === NFTA_QUOTA_BYTES) quota.bytes = numberIn(bytes, start, end);
    else if (type === NFTA_QUOTA_CONSUMED) quota.used = numberIn(bytes, start, end);
  });
  return quota;
}
