import { messageOf } from "../../errors.ts";
import { Links } from "../links.ts";
import { interfacesOf } from "../wanted.ts";
import type { LiveFilter } from "./live-filter.ts";

/**
 * Says which interfaces would be captured to do `what`, and which couldn't have the filter. Throws PromtapError where that
 * is one that is named in full, or where such a one is not there.
 */
export function checkLinks(what: string, patterns: readonly string[], filter: LiveFilter | undefined): string[] {
  using links = Links.open();
  const captured: string[] = [];
  const refusals: string[] = [];
  for (const link of interfacesOf(patterns, links.all())) {
    try {
      filter?.programFor(link);
      captured.push(link.name);
    } catch (error) {
      if (patterns.includes(link.name)) throw error;
      refusals.push(messageOf(error));
    }
  }
  const names = captured.join(", ") || `nothing yet (waiting for ${patterns.join(", ")})`;
  return [`would ${what} ${names}`, ...refusals];
}
