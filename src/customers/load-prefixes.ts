import type { Series } from "../config/prefix-lists.ts";
import { ErrorCode, PromtapError } from "../errors.ts";
import { nameKey } from "../ledger/zones/name-hash.ts";
import { askThread } from "../native/thread.ts";
import type { CustomerTables } from "./customer-tables.ts";
import type { LabelSets, PrefixSet } from "./prefix-set.ts";
import type { ReadLists, Wanted } from "./reading/read-lists.ts";

/** Prefixes that are counted by their labels: where they are is in the tables. */
export interface LabelledPrefixes extends LabelSets {
  readonly series: Series;
  readonly count: number;
}

/** All lists, read, and what addresses are looked up in: the label sets of all that is labelled are numbered through. */
export interface LoadedPrefixes extends Omit<ReadLists, "sets"> {
  readonly byAddress: readonly PrefixSet[];
  readonly labelled: readonly LabelledPrefixes[];
  readonly tables: CustomerTables | undefined;
  /** Prefixes that repeat another one that is counted alike. */
  readonly repeated: number;
  /** Where the first repeated prefix is, and the one that repeats it, as FILE:LINE. */
  readonly example: readonly [earlier: string, later: string] | undefined;
  /** Prefixes that never count, because longer ones have all their addresses. */
  readonly covered: number;
}

/** What the thread is given: what to read, and how names are hashed here. */
export interface Task {
  readonly wanted: Wanted;
  readonly key: Int32Array;
}

/** What the thread sends: all of it, or what is wrong with a list. */
export type Answer = LoadedPrefixes | { readonly fault: string };

const NOTHING: LoadedPrefixes = {
  tables: undefined,
  byAddress: [],
  labelled: [],
  files: [],
  skipped: 0,
  firstSkipped: undefined,
  repeated: 0,
  example: undefined,
  covered: 0,
};

/** Reads lists of prefixes, in a thread of its own. Throws a usage error that begins with FILE:LINE. */
export async function loadPrefixes(wanted: Wanted): Promise<LoadedPrefixes> {
  if (wanted.lists.length === 0 && wanted.inline.length === 0) return NOTHING;
  const task: Task = { wanted, key: nameKey() };
  const answer = await askThread<Answer>("customers/reading/worker.ts", task);
  if ("fault" in answer) throw new PromtapError(ErrorCode.USAGE, answer.fault);
  return answer;
}
