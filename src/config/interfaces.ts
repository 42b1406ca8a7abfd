import { AUTO, InterfacePatterns, splitPatterns } from "../capture/interface-patterns.ts";
import { messageOf } from "../errors.ts";
import { illegal, usageError } from "./flag.ts";

/** What no name may hold (dev_valid_name in net/core/dev.c); patterns need none of it either. */
const INTERFACE_FORBIDS = /[\s/:]/;
const LEGAL = "a name, a pattern such as veth*, !veth* to leave out, or auto; several with commas between";

/** The patterns of interfaces in the lists that a flag gives, each once. Throws a usage error. */
export function patternsOf(flag: string, lists: readonly string[]): string[] {
  const patterns = [...new Set(lists.flatMap(splitPatterns))];
  for (const pattern of patterns) {
    const name = pattern.replace(/^!/, "");
    if (name === "" || INTERFACE_FORBIDS.test(name) || pattern === `!${AUTO}`) throw illegal(flag, pattern, LEGAL);
    if (pattern !== name && patterns.includes(name)) {
      throw usageError(`invalid ${flag} ${JSON.stringify(pattern)}: ${name} is named as well`);
    }
    try {
      void new InterfacePatterns([pattern]);
    } catch (error) {
      throw usageError(`invalid ${flag} ${JSON.stringify(pattern)}: ${messageOf(error)}`);
    }
  }
  return patterns;
}
