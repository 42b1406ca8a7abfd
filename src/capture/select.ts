import { ErrorCode, PromtapError } from "../errors.ts";
import type { EngineKind } from "./engine.ts";

/** The engine that will run, and why better ones were refused. */
export interface Selection<Sink> {
  kind: EngineKind<Sink>;
  /** One line each, best first. */
  refusals: string[];
}

/**
 * Chooses the first of `candidates` (best first) that works on this host, or the one that is asked for by name.
 * Throws PromtapError where none works.
 */
export async function selectEngine<Sink>(
  choice: string,
  candidates: readonly EngineKind<Sink>[],
): Promise<Selection<Sink>> {
  const refusals: string[] = [];
  for (const kind of candidates) {
    if (choice !== "auto" && choice !== kind.name) continue;
    const refusal = await kind.probe();
    if (refusal === undefined) return { kind, refusals };
    refusals.push(`engine ${kind.name}: ${refusal}`);
  }
  throw new PromtapError(ErrorCode.HOST, joined(refusals));
}

/** In one line, in which what several of them advise stands once, at its end. */
function joined(refusals: readonly string[]): string {
  const SEPARATOR = "; ";
  const reasons = refusals.map((refusal) => refusal.split(SEPARATOR, 1)[0]!);
  const advice = refusals.map((refusal, index) => refusal.slice(reasons[index]!.length + SEPARATOR.length));
  return [...reasons, ...new Set(advice.filter((text) => text !== ""))].join(SEPARATOR);
}
