import { grown } from "../../grown-array.ts";
import { Direction } from "../rows.ts";
import type { SlotCounts } from "./slot-pool.ts";

/** Counters of a slot: packets and bytes sent, then packets and bytes received. */
export const ZONE_DOUBLES = 4;
export const PACKETS = 0;
export const BYTES = 1;
const DIRECTION_DOUBLES = 2;

/** Where the counters of a slot in a direction begin. */
export function slotAt(slot: number, direction: Direction): number {
  return slot * ZONE_DOUBLES + direction * DIRECTION_DOUBLES;
}

/** Packets and bytes by slot and direction, of one interface. */
export class SlotCounters implements SlotCounts {
  #counters = new Float64Array(ZONE_DOUBLES);

  /** Adds to the counters of a slot. Hot. */
  add(slot: number, direction: Direction, packets: number, bytes: number): void {
    const at = slotAt(slot, direction);
    if (at >= this.#counters.length) this.#counters = grown(this.#counters, (slot + 1) * ZONE_DOUBLES);
    this.#counters[at + PACKETS]! += packets;
    this.#counters[at + BYTES]! += bytes;
  }

  /** The counters of all slots; lent until a count is added. */
  get counters(): Float64Array {
    return this.#counters;
  }

  /** The counters of all slots as they are now: ZONE_DOUBLES each, those of the last ones may be missing. */
  copy(): Float64Array {
    return this.#counters.slice();
  }

  /** Adds what is counted elsewhere, in slots of the same pool. */
  addAll(from: SlotCounters): void {
    for (let slot = 0; slot * ZONE_DOUBLES < from.#counters.length; slot++) {
      for (const direction of [Direction.TX, Direction.RX]) {
        const packets = from.count(slot, direction, PACKETS);
        if (packets > 0) this.add(slot, direction, packets, from.count(slot, direction, BYTES));
      }
    }
  }

  fold(slot: number, into: number): void {
    for (const direction of [Direction.TX, Direction.RX]) {
      this.add(into, direction, this.count(slot, direction, PACKETS), this.count(slot, direction, BYTES));
    }
    const at = slot * ZONE_DOUBLES;
    this.#counters.fill(0, at, at + ZONE_DOUBLES);
  }

  packets(slot: number, direction: Direction): number {
    return this.count(slot, direction, PACKETS);
  }

  /** Packets (PACKETS) or bytes (BYTES) of a slot. */
  count(slot: number, direction: Direction, what: number): number {
    return this.#counters[slotAt(slot, direction) + what] ?? 0;
  }
}
