import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { type RecordCursor, Step } from "./record-cursor.ts";

/** How far a partition has been read. Offsets are those of the next record. */
export interface Progress {
  /** To count. */
  position: number;
  /** As committed; -1 if it is not known. */
  committed: number;
  /** End of the partition when it was last heard of. */
  endOffset: number;
}

/** Where the messages go. */
export interface MessageSink {
  /** Counts the message data[start, end); there is none if end is below start. Hot. */
  message(data: Buffer, start: number, end: number, partition: number, offset: number): void;
  /** Is told of a batch that could not be read, by its last offset. */
  damaged(partition: number, offset: number, reason: string): void;
  /** Is told of messages that were deleted before they could be read, by their first offset. */
  lost(partition: number, offset: number, messages: number): void;
}

/** Time after which other work of the event loop gets its turn. */
const TURN_MS = 8;
/** Between two looks at the clock: messages, and bytes of them, which may hold a thousand records each. */
const MESSAGES_PER_LOOK = 64;
const BYTES_PER_LOOK = 32 * 1024;
/** Between two looks whether what is counted is ours again. */
const WAIT_MS = 100;

/** Counts what has been fetched, turn by turn, until the signal aborts. */
export class Counting {
  /** While it is set, nothing is counted until it settles. */
  hold: Promise<unknown> | undefined;
  /** Nothing is counted later than this, by the clock of `performance`. */
  goodUntil: number = Number.POSITIVE_INFINITY;
  readonly #sink: MessageSink;
  readonly #signal: AbortSignal;

  constructor(sink: MessageSink, signal: AbortSignal) {
    this.#sink = sink;
    this.#signal = signal;
  }

  get isGood(): boolean {
    return performance.now() < this.goodUntil;
  }

  /** Counts all of a partition's that the cursor has, unless the partition has been read on elsewhere. */
  async count(partition: number, progress: Progress, cursor: RecordCursor): Promise<void> {
    for (let isOver = false; !isOver;) {
      await this.hold;
      while (!this.isGood && !this.#signal.aborted) await delay(WAIT_MS);
      if (this.#signal.aborted || progress.position !== cursor.nextOffset) return;
      isOver = this.#countForATurn(partition, cursor);
      progress.position = cursor.nextOffset;
      if (!isOver) await nextTurn();
    }
  }

  /** Returns whether there is nothing left. Hot. */
  #countForATurn(partition: number, cursor: RecordCursor): boolean {
    const sink = this.#sink;
    const turnEnd = performance.now() + TURN_MS;
    for (;;) {
      for (let messages = 0, bytes = 0; messages < MESSAGES_PER_LOOK && bytes < BYTES_PER_LOOK; messages++) {
        const step = cursor.next();
        if (step === Step.END) return true;
        if (step === Step.RECORD) {
          sink.message(cursor.data, cursor.valueStart, cursor.valueEnd, partition, cursor.offset);
        } else {
          sink.damaged(partition, cursor.offset, cursor.damage);
        }
        bytes += cursor.valueEnd - cursor.valueStart;
      }
      if (performance.now() > turnEnd) return false;
    }
  }
}
