import type { Flag } from "../flag.ts";

/** Keys below a name, or the flag that the name is the key of. */
export type Keys = Map<string, Keys | Flag>;

/** The keys of all flags, as they are nested in a file. */
export function keysOf(flags: readonly Flag[]): Keys {
  const root: Keys = new Map();
  for (const flag of flags) if (flag.key !== undefined) place(root, flag.key.split("."), flag);
  return root;
}

/** A list that is the key of a flag says itself what its items are; the keys of flags below it are among them. */
function place(keys: Keys, [name = "", ...rest]: readonly string[], flag: Flag): void {
  if (rest.length === 0) {
    keys.set(name, flag);
    return;
  }
  const below = keys.get(name) ?? new Map<string, Keys | Flag>();
  if (!(below instanceof Map)) return;
  keys.set(name, below);
  place(below, rest, flag);
}
