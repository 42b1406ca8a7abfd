import { usageError } from "../config/flag.ts";
import {
  allDashboardsText,
  DASHBOARD_NAMES,
  DASHBOARDS,
  dashboardText,
  isDashboard,
} from "../dashboards/dashboards.ts";
import { readAsset } from "../native/asset.ts";

const RULES = "promtap.rules.yml";

/** What may stand behind `dashboards`. */
export const DASHBOARD_WORDS: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Object.entries(DASHBOARDS).map(([name, { about }]) => [name, about])),
  "--all": "All of them, as one object of JSON.",
};

/** What `promtap dashboards` prints: the list of them, one of them, or with `--all` an object of all by name. */
export function dashboardsText([name, stray]: readonly string[]): string {
  if (stray !== undefined) throw usageError(`unexpected argument ${JSON.stringify(stray)}: dashboards takes one name`);
  if (name === undefined) return dashboardList();
  if (name === "--all") return allDashboardsText();
  if (isDashboard(name)) return dashboardText(name);
  throw usageError(`no dashboard ${JSON.stringify(name)}: there are ${DASHBOARD_NAMES.join(", ")}, and --all`);
}

/** What `promtap rules` prints: a file for Prometheus. */
export function rulesText(): string {
  const asset = readAsset(RULES);
  if (asset === undefined) throw new Error(`the binary lacks ${RULES}`);
  return new TextDecoder().decode(asset);
}

function dashboardList(): string {
  const width = Math.max(...DASHBOARD_NAMES.map(({ length }) => length));
  return Object.entries(DASHBOARDS)
    .map(([name, { about }]) => `${name.padEnd(width)}  ${about}\n`)
    .join("");
}
