import type { Dashboard } from "./grafana.ts";
import { overview, self } from "./health.ts";
import { dashboard, type Plan } from "./layout.ts";
import { connections, firewall, flows, wialon } from "./services.ts";
import { addresses, countries, customers, interfaces } from "./traffic.ts";

/** Name → what it shows. */
export const DASHBOARDS = {
  overview,
  interfaces,
  addresses,
  customers,
  countries,
  firewall,
  connections,
  wialon,
  flows,
  self,
} as const satisfies Readonly<Record<string, Plan>>;
export type DashboardName = keyof typeof DASHBOARDS;

export const DASHBOARD_NAMES = Object.keys(DASHBOARDS) as DashboardName[];

export function isDashboard(name: string): name is DashboardName {
  return Object.hasOwn(DASHBOARDS, name);
}

/** Makes one for Grafana to import. */
export function makeDashboard(name: DashboardName): Dashboard {
  return dashboard(name, DASHBOARDS[name]);
}

/** As a file has it. */
export function dashboardText(name: DashboardName): string {
  return json(makeDashboard(name));
}

/** An object of all by name. */
export function allDashboardsText(): string {
  return json(Object.fromEntries(DASHBOARD_NAMES.map((name) => [name, makeDashboard(name)])));
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
