/** Records that are delivered together. */
export interface RecordBatch {
  readonly records: readonly Buffer[];
  /** Takes note that all of them have been taken. */
  readonly take: () => void;
}

/** What counts, as records of what nobody has taken yet. */
export interface RecordSource {
  /** Packets of what went, and could not be kept until it was taken. */
  readonly droppedPackets: number;
  /** Whether it counts nothing more. */
  readonly hasEnded: boolean;
  /** Gets to know what is new, so that it is kept when it goes before it is taken. */
  watch(): void;
  /**
   * Brings all up to date, and goes through it once: the next batch is to be asked for after the last was taken; undefined
   * stands for a turn of the event loop. `from`: when it was last gone through, in seconds since 1970.
   */
  batches(from: number): Generator<RecordBatch | undefined>;
}
