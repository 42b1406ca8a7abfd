import type { LineParser } from "../protocol/line-parser.ts";
import type { Tally } from "../tally.ts";
import type { MemoryBudget } from "./memory-budget.ts";

/** What all streams share. */
export interface Surroundings {
  readonly tally: Tally;
  readonly budget: MemoryBudget;
  /** Parsers that no stream is in the middle of a packet with; most streams need none most of the time. */
  readonly idleParsers: LineParser[];
}
