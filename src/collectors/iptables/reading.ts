import { type CapabilityName, effectiveCapabilities } from "../../native/capabilities.ts";
import { NEEDS, type RuleProgram } from "./backends.ts";
import type { Content } from "./rows.ts";

/** The result of reading a backend. */
export interface Reading {
  readonly source: RuleProgram;
  readonly seconds: number;
  /** Why there is nothing to show; undefined if all is well. */
  readonly error: string | undefined;
  /** What the program said on standard error. */
  readonly stderr: string;
  /** Not if there is an error. */
  readonly content: Content | undefined;
  /** How old it is, in seconds, if the scrape could not wait for a newer one; else 0. */
  readonly ageSeconds: number;
}

/** How long reading may take, however long a scrape waits for it. */
export const MAX_READING_MS = 60_000;

/** A program that takes longer than this rests for as long as it took: it leaves half of a CPU to others. */
const LONG_READING_MS = 5000;

/** How long reading rests that took so long; not if its rules are known, so that the kernel is asked next. */
export function restMs(tookMs: number, isKnown: boolean): number {
  return isKnown || tookMs < LONG_READING_MS ? 0 : tookMs;
}

/** The reading that began at `start`, a time of performance.now(), and ended so. */
export function readingOf(source: RuleProgram, start: number, stderr: string, content: Content): Reading {
  return { source, seconds: secondsSince(start), error: undefined, stderr, content, ageSeconds: 0 };
}

/** A reading that failed; `error` begins with what became of the program. */
export function failedReading(source: RuleProgram, start: number, error: string, stderr: string): Reading {
  const words = [`${source.path} ${error}`, lack(NEEDS[source.backend])].filter((part) => part !== "");
  return { source, seconds: secondsSince(start), error: words.join("; "), stderr, content: undefined, ageSeconds: 0 };
}

/** What a scrape shows that can't wait any longer for a reading. */
export function lateReading(source: RuleProgram, start: number): Reading {
  const error = "isn't done in its share of the scrape's time (--collector-share), and goes on";
  return failedReading(source, start, error, "");
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

/** Names the capabilities that are missing here, if any. */
function lack(needs: readonly CapabilityName[]): string {
  const here = effectiveCapabilities();
  const missing = needs.filter((name) => !here.includes(name));
  return missing.length === 0 ? "" : `missing ${missing.join(", ")}`;
}
