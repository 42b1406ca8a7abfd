import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { ErrorCode, PromtapError } from "../errors.ts";
import { startThread } from "../native/thread.ts";
import type { CustomerTables } from "./customer-tables.ts";
import type { ReadLists, SeriesSet, Wanted } from "./reading/read-lists.ts";

/** All lists, read, and what addresses are looked up in: the label sets of all sets are numbered through. */
export interface LoadedPrefixes extends ReadLists {
  readonly tables: CustomerTables | undefined;
}

/** What the thread sends: all but the label sets, then these in pieces, then the end; or what is wrong with a list. */
export type Answer =
  | LoadedPrefixes
  | { readonly index: number; readonly labelSets: SeriesSet["set"]["labelSets"] }
  | { readonly fault: string }
  | "end";

const NOTHING: LoadedPrefixes = {
  tables: undefined,
  sets: [],
  files: [],
  skipped: 0,
  firstSkipped: undefined,
  repeated: 0,
  example: undefined,
  covered: 0,
};

/**
 * Reads lists of prefixes, in a thread of its own: the event loop is not held for longer than it takes to get a few
 * thousand sets of labels. Throws a usage error that begins with FILE:LINE.
 */
export async function loadPrefixes(wanted: Wanted): Promise<LoadedPrefixes> {
  if (wanted.lists.length === 0 && wanted.inline.length === 0) return NOTHING;
  const worker = startThread("customers/reading/worker.ts", wanted);
  try {
    const read = await nextAnswer(worker);
    if (typeof read !== "object" || !("sets" in read)) throw new Error("the thread sent no sets");
    const labelSets: (readonly string[])[][] = read.sets.map(() => []);
    for (;;) {
      // Else the event loop would take all that is there at once.
      await setImmediate();
      worker.postMessage("next");
      const piece = await nextAnswer(worker);
      if (typeof piece !== "object" || !("labelSets" in piece)) break;
      labelSets[piece.index]!.push(...piece.labelSets);
    }
    const sets = read.sets.map(({ series, set }, index) => ({ series, set: { ...set, labelSets: labelSets[index]! } }));
    return { ...read, sets };
  } finally {
    await worker.terminate();
  }
}

async function nextAnswer(worker: ReturnType<typeof startThread>): Promise<Answer> {
  const [answer] = (await once(worker, "message")) as [Answer];
  if (typeof answer === "object" && "fault" in answer) throw new PromtapError(ErrorCode.USAGE, answer.fault);
  return answer;
}
