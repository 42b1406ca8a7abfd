import { ErrorCode, PromtapError } from "../errors.ts";

/**
 * Long names of the flags that were given → their values in the order given; "" for a flag that takes none. Of several
 * values where one is asked for, the last counts.
 */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;

/** Returns the value if it is one of those; throws a usage error else, as all of this file do. */
export function oneOf<T extends string>(name: string, value: string, legal: readonly T[]): T {
  const found = legal.find((candidate) => candidate === value);
  if (found === undefined) throw illegal(`--${name}`, value, legal.join(", "));
  return found;
}

/** Reads a whole number from 0 to `highest`. */
export function numberOf(name: string, value: string, highest: number): number {
  if (/^[0-9]{1,15}$/.test(value) && Number(value) <= highest) return Number(value);
  throw illegal(name.length === 1 ? `-${name}` : `--${name}`, value, `a number from 0 to ${highest}`);
}

/** A usage error. The value is in JSON, so that the message stays one line whatever was given. */
export function illegal(flag: string, value: string, legal: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, `invalid ${flag} ${JSON.stringify(value)}; legal is ${legal}`);
}
