import { illegal } from "./flag.ts";

/** What dev_valid_name of the kernel (net/core/dev.c) lets no name hold; patterns of names need none of it either. */
const INTERFACE_FORBIDS = /[\s/:]/;

/** The names and patterns of interfaces that a flag gives, each once. Throws a usage error. */
export function patternsOf(flag: string, patterns: readonly string[]): string[] {
  for (const pattern of patterns) {
    if (pattern !== "" && !INTERFACE_FORBIDS.test(pattern)) continue;
    throw illegal(flag, pattern, "a name, a pattern such as veth*, or auto");
  }
  return [...new Set(patterns)];
}
