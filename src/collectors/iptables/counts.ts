/** Packets and bytes by slot: each chain has one, and all rules of a chain that have the same text have one. */
export interface Counts {
  readonly packets: number[] | Float64Array;
  readonly bytes: number[] | Float64Array;
}

export function emptyCounts(slots: number): Counts {
  return { packets: new Float64Array(slots), bytes: new Float64Array(slots) };
}

/** Hot. */
export function addTo(counts: Counts, slot: number, packets: number, bytes: number): void {
  counts.packets[slot]! += packets;
  counts.bytes[slot]! += bytes;
}

/** Whether each count is at least that of the others. */
export function isAtLeast(counts: Counts, others: Counts): boolean {
  for (let slot = 0; slot < others.packets.length; slot++) {
    const isLess = counts.packets[slot]! < others.packets[slot]! || counts.bytes[slot]! < others.bytes[slot]!;
    if (isLess) return false;
  }
  return true;
}
