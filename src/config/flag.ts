import { ErrorCode, PromtapError } from "../errors.ts";

/**
 * Long names of the flags that were given → their texts in the order given; "" for a flag that takes none. Of several,
 * the last counts if one is asked for.
 */
export type GivenFlags = ReadonlyMap<string, readonly string[]>;

/** What the command line says. */
export interface CommandLine {
  readonly given: GivenFlags;
  /** Flags without a value that it turns off, as in `--geoip=false`. */
  readonly denied: ReadonlySet<string>;
}

/** Makes a value of one text that was given; throws a usage error that begins with `spelling`, such as `-p`. */
export type Parse<T> = (text: string, spelling: string) => T;

/** What every flag declares. */
export interface Declaration {
  /** Long name, without dashes. */
  readonly name: string;
  readonly short?: string;
  /** What replaced exporters call it. */
  readonly aliases?: readonly string[];
  /** Its key in a configuration file: names of mappings and its own, joined by dots. None if it is of no use there. */
  readonly key?: string;
  /** Whether a name without a folder, if its value is one of a file, has a folder of its own. */
  readonly hasOwnFolder?: boolean;
  /** Whether it says how traffic is counted, and so is pointless if none is. */
  readonly isOfTraffic?: boolean;
  /** One sentence or two. */
  readonly help: string;
  /** Flags of which one must be given too, or `flag=value`. */
  readonly needs?: readonly string[];
  /** Why one of them is needed. */
  readonly why?: string;
  /** Flags that must not be given beside it → what to do instead. */
  readonly excludes?: Readonly<Record<string, string>>;
}

/** A flag of the command line: all there is to say about it, and how it is read. */
export interface Flag<T = unknown> extends Declaration {
  /** What its value is called in the help; a flag without one takes none. */
  readonly value?: string;
  /** The words that it may be, if they are few. */
  readonly choices?: readonly string[];
  /** As it would be given. */
  readonly default?: string;
  readonly isRepeatable: boolean;
  /** All texts count; else the last. */
  readonly isList?: boolean;
  /** The value of the texts that were given; undefined: the flag was not. Throws a usage error. */
  read(texts: readonly string[] | undefined): T;
}

/** A flag of a command that has flags of its own, and reads them itself. */
export type OwnFlag = Pick<Flag, "name" | "value" | "choices" | "help">;

/** Whether the values of a flag name files or folders. */
export function takesPaths({ value }: Pick<Flag, "value">): boolean {
  return value === "FILE" || value === "FOLDER";
}

/** Whether a value of a flag is a path, which is relative to the folder of whatever it stands in if it is not a whole one. */
export function isPath(flag: Flag, text: string): boolean {
  if (!takesPaths(flag) || text === "-") return false;
  return flag.hasOwnFolder !== true || text.includes("/");
}

/** A flag that takes no value. */
export function toggle(declaration: Declaration): Flag<boolean> {
  return { ...declaration, isRepeatable: false, read: (texts) => texts !== undefined };
}

interface Valued<T> extends Declaration {
  readonly value: string;
  readonly choices?: readonly string[];
  readonly parse: Parse<T>;
  /** The flag may be given several times: all texts count (`list`), or the last. */
  readonly isRepeatable?: boolean;
}

/** A flag with a value, and a default if none is given. */
export function single<T>(declaration: Valued<T> & { readonly default: string }): Flag<T>;
/** A flag with a value, null if none is given. */
export function single<T>(declaration: Valued<T>): Flag<T | null>;
export function single<T>(declaration: Valued<T> & { readonly default?: string }): Flag<T | null> {
  const { parse, isRepeatable = false, ...rest } = declaration;
  return {
    ...rest,
    isRepeatable,
    read(texts) {
      const text = texts?.at(-1) ?? declaration.default;
      return text === undefined ? null : parse(text, spellingOf(declaration));
    },
  };
}

/** A flag that may be given several times, with a list of values; `separator`: of the values in one text. */
export function list<T>(
  declaration: Valued<T> & { readonly default?: string; readonly separator?: string },
): Flag<T[]> {
  const { parse, separator, ...rest } = declaration;
  return {
    ...rest,
    isRepeatable: true,
    isList: true,
    read(texts = declaration.default === undefined ? [] : [declaration.default]) {
      const parts = separator === undefined ? texts : texts.flatMap((text) => text.split(separator));
      return parts.map((part) => parse(part, spellingOf(declaration)));
    },
  };
}

/** Values that replaced exporters take → the nearest of ours. */
type FormerValues<T> = readonly (readonly [former: RegExp, nearest: T])[];

/** A flag whose value is one of a few words. */
export function choice<T extends string>(
  declaration: Declaration & { readonly choices: readonly T[]; readonly default: T; readonly former?: FormerValues<T> },
): Flag<T> {
  const { former = [], ...rest } = declaration;
  const parse = oneOf(declaration.choices);
  return single({
    ...rest,
    value: declaration.choices.join("|"),
    parse: (text, spelling) => former.find(([pattern]) => pattern.test(text))?.[1] ?? parse(text, spelling),
  });
}

/** A flag with a list of such words, in one text or several. */
export function choices<T extends string>(declaration: Declaration & { readonly choices: readonly T[] }): Flag<T[]> {
  const value = declaration.choices.join("|");
  const parse = oneOf(declaration.choices);
  const flag = list({ ...declaration, value, separator: ",", parse: (text, spelling) => parse(text.trim(), spelling) });
  return { ...flag, read: (texts) => [...new Set(flag.read(texts))] };
}

/** How messages name a flag: by its short name if it has one. */
export function spellingOf({ name, short }: Pick<Declaration, "name" | "short">): string {
  return short === undefined ? `--${name}` : `-${short}`;
}

/** Throws a usage error if a flag was given without what it needs, or with what it excludes. */
export function refuseConflicts(flags: readonly Flag[], given: GivenFlags): void {
  const isGiven = (need: string): boolean => {
    const [name = "", value] = need.split("=");
    if (value === undefined) return given.has(name);
    const texts = given.get(name) ?? flags.find((flag) => flag.name === name)?.default ?? [];
    return [texts].flat().some((text) => text.split(",").includes(value));
  };
  for (const flag of flags.filter(({ name }) => given.has(name))) {
    const { name, needs, why, excludes } = flag;
    const excluded = Object.entries(excludes ?? {}).find(([other]) => isGiven(other));
    if (excluded !== undefined) {
      throw usageError(`--${name} and --${excluded[0]} exclude each other; ${excluded[1]}`);
    }
    if (needs === undefined || needs.some(isGiven)) continue;
    const alternatives = needs.map((need) => `--${need}`).join(" or ");
    throw usageError(`--${name} needs ${alternatives}${why === undefined ? "" : `: ${why}`}`);
  }
}

/** A usage error for a value, quoted as JSON so that the message stays one line whatever was given. */
export function illegal(spelling: string, value: string, legal: string): PromtapError {
  return usageError(`invalid ${spelling} ${JSON.stringify(value)}; legal is ${legal}`);
}

export function usageError(message: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, message);
}

/** A value that is one of those. */
export function oneOf<T extends string>(legal: readonly T[]): Parse<T> {
  return (text, spelling) => {
    const found = legal.find((candidate) => candidate === text);
    if (found === undefined) throw illegal(spelling, text, legal.join(", "));
    return found;
  };
}

/** A whole number from `min` to `max`; `unit`: what it counts, for the message. */
export function wholeNumber(max: number, min = 0, unit = ""): Parse<number> {
  return (text, spelling) => {
    if (/^[0-9]{1,15}$/.test(text) && Number(text) >= min && Number(text) <= max) return Number(text);
    throw illegal(spelling, text, `a number ${unit === "" ? "" : `of ${unit} `}from ${min} to ${max}`);
  };
}

/** Any text but an empty one; `what`: what it is, for the message. */
export function nonEmpty(what: string): Parse<string> {
  return (text, spelling) => {
    if (text.trim() === "") throw illegal(spelling, text, what);
    return text;
  };
}
