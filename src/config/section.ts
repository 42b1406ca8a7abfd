import { type Flag, type GivenFlags, usageError } from "./flag.ts";

/** Flags of one subject, and what they mean together. */
export interface Section<Value = unknown> {
  /** Heading in the help. */
  readonly title: string;
  readonly flags: readonly Flag[];
  /** What the flags that were given say; null if the section is not turned on. Throws a usage error. */
  read(given: GivenFlags): Value;
}

type Flags = Readonly<Record<string, Flag>>;
export type Values<F extends Flags> = { -readonly [K in keyof F]: F[K] extends Flag<infer T> ? T : never };

/** What a section says. */
export type ValueOf<S> = S extends Section<infer Value> ? Value : never;

/** A section that always counts, with a value for each of its flags. */
export function section<F extends Flags>(title: string, flags: F): Section<Values<F>>;
/** Likewise, for values that are judged together, or mean something else together. */
export function section<F extends Flags, V>(
  title: string,
  flags: F,
  judge: (values: Values<F>, given: GivenFlags) => V,
): Section<V>;
export function section<F extends Flags, V>(
  title: string,
  flags: F,
  judge?: (values: Values<F>, given: GivenFlags) => V,
): Section<Values<F> | V> {
  return {
    title,
    flags: Object.values(flags),
    read(given) {
      const values = valuesOf(flags, given);
      return judge === undefined ? values : judge(values, given);
    },
  };
}

/** A section that its flag `switchName` turns on; the other flags need that one. */
export function optional<V>(inner: Section<V>, switchName: string): Section<V | null> {
  const { title, flags } = inner;
  return {
    title,
    flags,
    read(given) {
      if (given.has(switchName)) return inner.read(given);
      const needless = flags.find(({ name }) => given.has(name));
      if (needless !== undefined) throw usageError(`--${needless.name} needs --${switchName}`);
      return null;
    },
  };
}

function valuesOf<F extends Flags>(flags: F, given: GivenFlags): Values<F> {
  const entries = Object.entries(flags).map(([property, flag]) => [property, flag.read(given.get(flag.name))]);
  return Object.fromEntries(entries) as Values<F>;
}
