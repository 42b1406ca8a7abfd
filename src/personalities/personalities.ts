import { basename } from "node:path";
import { flow } from "./flow.ts";
import { geoip } from "./geoip.ts";
import { iptables } from "./iptables.ts";
import type { Personality } from "./personality.ts";
import { promacct } from "./promacct.ts";
import { wialon } from "./wialon.ts";

export type PersonalityName =
  | "promacct"
  | "iptables_exporter"
  | "geoip-exporter"
  | "wialon_ips_exporter"
  | "flow-exporter";

/** The programs whose place this one takes, by the names that they are started under. */
export const PERSONALITIES: Readonly<Record<PersonalityName, Personality>> = {
  promacct,
  iptables_exporter: iptables,
  "geoip-exporter": geoip,
  wialon_ips_exporter: wialon,
  "flow-exporter": flow,
};

export function isPersonality(name: string): name is PersonalityName {
  return Object.hasOwn(PERSONALITIES, name);
}

/** A command line that is for another program, and that program. */
export interface Part {
  readonly personality: Personality;
  readonly argv: readonly string[];
}

/** The command line that `check as NAME` is about, and what is to be left out, as `check` has it. */
export function checkedPartOf(argv: readonly string[]): (Part & { readonly triesNoAddress: boolean }) | undefined {
  const [command, ...words] = argv;
  if (command !== "check") return undefined;
  const triesNoAddress = words[0] === "--no-listen";
  const part = partOf("", triesNoAddress ? words.slice(1) : words);
  return part === undefined ? undefined : { ...part, triesNoAddress };
}

/** The program that is asked for by the name this one was started under, or by `as NAME`; undefined if none is. */
export function partOf(argv0: string, argv: readonly string[]): Part | undefined {
  const called = basename(argv0);
  if (isPersonality(called)) return { personality: PERSONALITIES[called], argv };
  const [command, name = "", ...rest] = argv;
  if (command !== "as" || !isPersonality(name)) return undefined;
  return { personality: PERSONALITIES[name], argv: rest };
}
