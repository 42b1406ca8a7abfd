import { ErrorCode, PromtapError } from "../errors.ts";
import { descriptorRefusal, hasDescriptors } from "../native/descriptors.ts";
import type { EngineKind } from "./engine.ts";

/** The engine that will run, and why better ones were refused. */
export interface Selection<Sink> {
  kind: EngineKind<Sink>;
  /** One line each, best first. */
  refusals: string[];
}

/**
 * Chooses the first of `candidates` (best first) that works on this host and has the descriptors for `interfaces`
 * interfaces, or the one that is asked for by name. If descriptors are too few for any, the one that needs the fewest.
 * Throws PromtapError if none works.
 */
export async function selectEngine<Sink>(
  choice: string,
  candidates: readonly EngineKind<Sink>[],
  interfaces = 0,
): Promise<Selection<Sink>> {
  const refusals: string[] = [];
  const greedy: EngineKind<Sink>[] = [];
  for (const kind of candidates) {
    if (choice !== "auto" && choice !== kind.name) continue;
    const refusal = await kind.probe();
    const wanted = kind.descriptors * interfaces;
    if (refusal === undefined && (choice !== "auto" || hasDescriptors(wanted))) return { kind, refusals };
    if (refusal === undefined) greedy.push(kind);
    refusals.push(`engine ${kind.name}: ${refusal ?? `needs ${wanted} descriptors: ${descriptorRefusal()}`}`);
  }
  const [kind] = greedy.toSorted((a, b) => a.descriptors - b.descriptors);
  if (kind === undefined) throw new PromtapError(ErrorCode.HOST, joined(refusals));
  return { kind, refusals: refusals.filter((refusal) => !refusal.startsWith(`engine ${kind.name}:`)) };
}

/** In one line, in which what several of them advise stands once, at its end. */
function joined(refusals: readonly string[]): string {
  const SEPARATOR = "; ";
  const reasons = refusals.map((refusal) => refusal.split(SEPARATOR, 1)[0]!);
  const advice = refusals.map((refusal, index) => refusal.slice(reasons[index]!.length + SEPARATOR.length));
  return [...reasons, ...new Set(advice.filter((text) => text !== ""))].join(SEPARATOR);
}
