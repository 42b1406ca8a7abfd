import { ErrorCode, PromtapError } from "../errors.ts";
import { edgeOf } from "./edge.ts";
import type { InterfacePatterns } from "./interface-patterns.ts";
import type { Link } from "./netlink.ts";

/** The links that patterns name. Throws PromtapError if one that is named in full is not there. */
export function interfacesOf(patterns: InterfacePatterns, links: readonly Link[]): Link[] {
  const [missing] = patterns.missing(links);
  if (missing !== undefined) throw noSuchInterface(missing, links);
  return wantedLinks(patterns, links);
}

export function noSuchInterface(name: string, links: readonly Link[]): PromtapError {
  const present = links.map((link) => link.name).join(", ");
  return new PromtapError(ErrorCode.HOST, `couldn't open ${name}: no such interface; this host has ${present}`);
}

/**
 * Those of the links of a namespace that the patterns name. `isCaptured`: links that were wanted before; AUTO keeps
 * them while they are down.
 */
export function wantedLinks(
  patterns: InterfacePatterns,
  links: readonly Link[],
  isCaptured: (link: Link) => boolean = () => false,
): Link[] {
  const edge = patterns.hasAuto ? new Set(edgeIn(links, isCaptured)) : undefined;
  return links.filter((link) => patterns.names(link) || (edge?.has(link) === true && !patterns.leavesOut(link)));
}

/** The patterns that name no link yet. */
export function idlePatterns(patterns: InterfacePatterns, links: readonly Link[]): string[] {
  return patterns.idle(links, edgeIn(links));
}

function edgeIn(links: readonly Link[], isCaptured: (link: Link) => boolean = () => false): Link[] {
  const candidates = links.filter((link) => !link.isLoopback && (link.isUp || isCaptured(link)));
  return edgeOf(candidates, links);
}
