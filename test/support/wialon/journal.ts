/** What a program of Wialon IPS has sent, by its own account. */
export interface Journal {
  packets: Record<string, number>;
  bytes: Record<string, number>;
  points: number;
}

export function emptyJournal(): Journal {
  return { packets: {}, bytes: {}, points: 0 };
}

export function note(journal: Journal, packet: { type: string; plainBytes: number; points: number }): void {
  journal.packets[packet.type] = (journal.packets[packet.type] ?? 0) + 1;
  journal.bytes[packet.type] = (journal.bytes[packet.type] ?? 0) + packet.plainBytes;
  journal.points += packet.points;
}

/** All journals in one. */
export function together(journals: readonly Journal[]): Journal {
  const all = emptyJournal();
  for (const { packets, bytes, points } of journals) {
    for (const [type, count] of Object.entries(packets)) all.packets[type] = (all.packets[type] ?? 0) + count;
    for (const [type, count] of Object.entries(bytes)) all.bytes[type] = (all.bytes[type] ?? 0) + count;
    all.points += points;
  }
  return all;
}
