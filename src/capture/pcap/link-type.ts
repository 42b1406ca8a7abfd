import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_NULL, LINKTYPE_RAW } from "../../packet/link.ts";

/** What `cap` calls the link types it knows. */
const LINKTYPE_OF_NAME: ReadonlyMap<string, number> = new Map([
  ["NULL", LINKTYPE_NULL],
  ["ETHERNET", LINKTYPE_ETHERNET],
  ["RAW", LINKTYPE_RAW],
  ["LINKTYPE_LINUX_SLL", LINKTYPE_LINUX_SLL],
]);

/**
 * Returns the LINKTYPE_ number of what `cap` says about an interface: a name, or "Unknown linktype" and a DLT_ number,
 * which on Linux equals the LINKTYPE_ number for all that is not a name already; -1 where it is neither.
 */
export function linkTypeOf(name: string): number {
  const known = LINKTYPE_OF_NAME.get(name);
  if (known !== undefined) return known;
  const number = /^Unknown linktype (\d+)$/.exec(name)?.[1];
  return number === undefined ? -1 : Number(number);
}
