import { ErrorCode, PromtapError } from "../../errors.ts";
import { patternsOf } from "../interfaces.ts";
import { type GivenFlags, illegal, numberOf } from "../values.ts";

/** Default values, as they would be given. */
export const WIALON_DEFAULTS = { "wialon-filter": "tcp port 20332", "wialon-max-streams": "16384" } as const;

const HIGHEST_MAX_STREAMS = 1_000_000;
const NEEDS_WIALON = ["wialon-interface", "wialon-filter", "wialon-max-streams", "wialon-devices"];

/** Which packets of Wialon IPS are counted, and how. */
export interface WialonConfig {
  /** Names, patterns or "auto", as of the traffic. Of no meaning where a file is read. */
  interfaces: string[];
  /** Filter expression of libpcap. */
  filter: string;
  /** Most pairs of addresses that have series, and most devices. */
  maxStreams: number;
  /** Count by the names of devices, too. */
  hasDevices: boolean;
}

/** How to count Wialon IPS; null where it is not counted. */
export function wialonOf(given: GivenFlags): WialonConfig | null {
  if (!given.has("wialon")) {
    const needless = NEEDS_WIALON.find((name) => given.has(name));
    if (needless !== undefined) throw new PromtapError(ErrorCode.USAGE, `--${needless} needs --wialon`);
    return null;
  }
  if (given.has("wialon-interface") && given.has("read")) {
    const advice = "a file is read instead of an interface";
    throw new PromtapError(ErrorCode.USAGE, `--read and --wialon-interface exclude each other; ${advice}`);
  }
  const value = (name: keyof typeof WIALON_DEFAULTS): string => given.get(name)?.at(-1) ?? WIALON_DEFAULTS[name];
  const own = given.get("wialon-interface");
  return {
    interfaces:
      own === undefined ? patternsOf("-i", given.get("interface") ?? ["auto"]) : patternsOf("--wialon-interface", own),
    filter: filterOf(value("wialon-filter")),
    maxStreams: numberOf("wialon-max-streams", value("wialon-max-streams"), HIGHEST_MAX_STREAMS),
    hasDevices: given.has("wialon-devices"),
  };
}

function filterOf(expression: string): string {
  if (expression.trim() === "") throw illegal("--wialon-filter", expression, "an expression of pcap-filter(7)");
  return expression;
}
