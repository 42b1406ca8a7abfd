import { messageOf } from "../../errors.ts";
import { Links } from "../links.ts";
import { InterfacePatterns } from "../interface-patterns.ts";
import { idlePatterns, interfacesOf } from "../wanted.ts";
import type { LiveFilter } from "./live-filter.ts";

/**
 * Says which interfaces would be captured to do `what`, and which couldn't have the filter. Throws PromtapError if that
 * is one that is named in full, or if such a one is not there.
 */
export function checkLinks(what: string, texts: readonly string[], filter: LiveFilter | undefined): string[] {
  using links = Links.open();
  const patterns = new InterfacePatterns(texts);
  const captured: string[] = [];
  const refusals: string[] = [];
  for (const link of interfacesOf(patterns, links.all())) {
    try {
      filter?.programFor(link);
      captured.push(link.name);
    } catch (error) {
      if (patterns.namesInFull(link)) throw error;
      refusals.push(messageOf(error));
    }
  }
  const names = captured.join(", ") || `nothing yet (waiting for ${texts.join(", ")})`;
  const idle = idlePatterns(patterns, links.all()).map((pattern) => `no interface yet: ${pattern}`);
  return [`would ${what} ${names}`, ...(captured.length === 0 ? [] : idle), ...refusals];
}
