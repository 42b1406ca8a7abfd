import { type CapabilityName, effectiveCapabilities } from "../../native/capabilities.ts";
import { NEEDS, type Source } from "./backends.ts";
import type { Outcome } from "./program.ts";
import type { Tally } from "./tally.ts";

/** What a backend counts. */
export interface Content {
  readonly tally: Tally;
  /** Lines or objects that could not be read. */
  readonly unreadable: number;
  /** Rules and the like that are summed as "other". */
  readonly refused: number;
}

/** What came of asking. */
export interface Reading {
  readonly source: Source;
  readonly seconds: number;
  /** Why there is nothing to show; undefined where all is well. */
  readonly error: string | undefined;
  /** What the program said on standard error. */
  readonly stderr: string;
  /** Not where there is an error. */
  readonly content: Content | undefined;
}

/** The reading that began at `start`, a time of performance.now(), and ended so. */
export function readingOf(
  source: Source,
  start: number,
  outcome: Omit<Outcome, "exitStatus">,
  content: Content,
): Reading {
  const seconds = (performance.now() - start) / 1000;
  const { error, stderr } = outcome;
  if (error === undefined) return { source, seconds, error, stderr, content };
  const words = [`${source.path} ${error}`, lack(NEEDS[source.backend])].filter((part) => part !== "");
  return { source, seconds, error: words.join("; "), stderr, content: undefined };
}

/** Names the capabilities that are missing here, if any. */
function lack(needs: readonly CapabilityName[]): string {
  const here = effectiveCapabilities();
  const missing = needs.filter((name) => !here.includes(name));
  return missing.length === 0 ? "" : `missing ${missing.join(", ")}`;
}
