import type { GivenFlags } from "../config/flag.ts";
import type { Guise } from "./guise.ts";
import type { OwnFlag } from "./own-flag.ts";
import type { Style } from "./style/style.ts";

/** A program whose place this one takes: its command line, and what it looks like from outside. */
export interface Personality {
  readonly style: Style;
  readonly flags: readonly OwnFlag[];
  /** What of ours is given besides: long names of flags that take no value. */
  readonly switches: readonly string[];
  readonly guise: Guise;
}

/** What flags of the other program say in ours. */
export function ourFlags({ flags, switches }: Personality, given: GivenFlags): GivenFlags {
  const ours = new Map<string, readonly string[]>(switches.map((name) => [name, [""]]));
  for (const { name, becomes, values, default: usual } of flags) {
    const texts = given.get(name) ?? (usual === undefined ? [] : [usual]);
    if (texts.length === 0) continue;
    ours.set(
      becomes,
      texts.map((text) => values?.get(text) ?? text),
    );
  }
  return ours;
}

/** A message of ours with the names that flags have in the other program. */
export function inOwnWords({ flags, style }: Personality, message: string): string {
  const own = new Map(flags.map((flag) => [`--${flag.becomes}`, style.spelling(flag.name)]));
  return message.replace(/--[a-z][\w.-]*/g, (spelling) => own.get(spelling) ?? spelling);
}
