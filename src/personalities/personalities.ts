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

/** The program that is asked for by the name this one was started under, or by `as NAME`; undefined if none is. */
export function partOf(argv0: string, argv: readonly string[]): Part | undefined {
  const called = basename(argv0);
  if (isPersonality(called)) return { personality: PERSONALITIES[called], argv };
  const [command, name = "", ...rest] = argv;
  if (command !== "as" || !isPersonality(name)) return undefined;
  return { personality: PERSONALITIES[name], argv: rest };
}
