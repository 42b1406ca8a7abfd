import { isAbsolute } from "node:path";
import { ErrorCode, PromtapError } from "../../errors.ts";
import { type GivenFlags, illegal, numberOf } from "../values.ts";

/** Default values, as they would be given. */
export const IPTABLES_DEFAULTS = { "iptables-max-rules": "100000" } as const;

const HIGHEST_MAX_RULES = 1_000_000;
const NEEDS_IPTABLES = ["iptables-compat", "iptables-comments", "iptables-folder", "iptables-max-rules"];

/** How the counters of the firewall are read. */
export interface IptablesConfig {
  /** Show what iptables_exporter shows, in its form, and nothing else. */
  isCompat: boolean;
  /** Give the comments of rules a label of their own. */
  withComments: boolean;
  /** Where the programs are; none stands for where systems have them. */
  folders: string[];
  /** Most chains and rules of a backend that have series. */
  maxSeries: number;
}

/** How to count the firewall; null where it is not counted. */
export function iptablesOf(given: GivenFlags): IptablesConfig | null {
  if (given.has("iptables")) {
    const maxRules = given.get("iptables-max-rules")?.at(-1) ?? IPTABLES_DEFAULTS["iptables-max-rules"];
    return {
      isCompat: given.has("iptables-compat"),
      withComments: withCommentsOf(given),
      folders: (given.get("iptables-folder") ?? []).map(folderOf),
      maxSeries: numberOf("iptables-max-rules", maxRules, HIGHEST_MAX_RULES),
    };
  }
  const needless = NEEDS_IPTABLES.find((name) => given.has(name));
  if (needless !== undefined) throw new PromtapError(ErrorCode.USAGE, `--${needless} needs --iptables`);
  return null;
}

function withCommentsOf(given: GivenFlags): boolean {
  if (!given.has("iptables-comments")) return false;
  if (!given.has("iptables-compat")) return true;
  const why = "iptables_exporter has no label for comments";
  throw new PromtapError(ErrorCode.USAGE, `--iptables-comments and --iptables-compat exclude each other; ${why}`);
}

function folderOf(path: string): string {
  if (isAbsolute(path)) return path;
  throw illegal("--iptables-folder", path, "an absolute path such as /usr/sbin");
}
