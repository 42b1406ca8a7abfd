import { matchesGlob } from "node:path";
import { ErrorCode, PromtapError } from "../errors.ts";
import { edgeOf } from "./edge.ts";
import type { Link } from "./netlink.ts";

/** Pattern that stands for the edge of the host: each packet that enters or leaves it passes one of these interfaces. */
export const AUTO = "auto";

/** The links that the patterns name. Throws PromtapError where one that is named in full is not there. */
export function interfacesOf(patterns: readonly string[], links: readonly Link[]): Link[] {
  const missing = patterns.find((pattern) => isFullName(pattern) && !links.some((link) => link.name === pattern));
  if (missing !== undefined) {
    const present = links.map((link) => link.name).join(", ");
    throw new PromtapError(ErrorCode.HOST, `couldn't open ${missing}: no such interface; this host has ${present}`);
  }
  return wantedLinks(patterns, links);
}

/**
 * Those of the links of a namespace that the patterns name. `isCaptured`: links that were wanted before; AUTO keeps
 * them while they are down.
 */
export function wantedLinks(
  patterns: readonly string[],
  links: readonly Link[],
  isCaptured: (link: Link) => boolean = () => false,
): Link[] {
  const candidates = links.filter((link) => !link.isLoopback && (link.isUp || isCaptured(link)));
  const edge = patterns.includes(AUTO) ? new Set(edgeOf(candidates, links)) : undefined;
  return links.filter((link) =>
    patterns.some((pattern) => {
      if (pattern === AUTO) return edge?.has(link) === true;
      return isFullName(pattern) ? pattern === link.name : matchesGlob(link.name, pattern);
    }),
  );
}

/** Whether a pattern is the name of one interface. */
export function isFullName(pattern: string): boolean {
  return pattern !== AUTO && !/[*?[]/.test(pattern);
}
