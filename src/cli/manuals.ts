import { readAsset } from "../native/asset.ts";

/** A manual that the program carries. */
export interface Manual {
  /** Where it stands in the sources, which is also its asset's name. */
  readonly path: string;
  /** What it tells, for the list of topics. */
  readonly about: string;
}

/** Topic → manual: one for every README.md. */
export const MANUALS = {
  overview: { path: "README.md", about: "What promtap is, and the flags that most people need." },
  running: { path: "src/cli/README.md", about: "Log, signals and exit status." },
  configuration: { path: "src/config/README.md", about: "The file of flags, and lists of prefixes with labels." },
  install: { path: "src/install/README.md", about: "A service of systemd: files, rights, secrets." },
  capture: { path: "src/capture/README.md", about: "Engines, interfaces, files, sizes and memory." },
  traffic: { path: "src/ledger/README.md", about: "Ranges and their metrics; coming from promacct." },
  by: { path: "src/ledger/zones/README.md", about: "Traffic by country and AS of the remote end." },
  customers: { path: "src/customers/README.md", about: "Traffic by lists of prefixes with labels, and bills." },
  peaks: { path: "src/collectors/peaks/README.md", about: "The highest second between two scrapes." },
  web: { path: "src/http/README.md", about: "Addresses to serve on, parts of a page, promtap's own metrics." },
  state: { path: "src/state/README.md", about: "Counts that go on after a restart." },
  bill: { path: "src/bill/README.md", about: "Bytes a month and 95th percentiles of customers." },
  personalities: { path: "src/personalities/README.md", about: "Taking the place of another exporter, flag by flag." },
  flow: {
    path: "src/collectors/flow/README.md",
    about: "Flow records by UDP and in Kafka; coming from flow-exporter.",
  },
  produce: { path: "src/collectors/produce/README.md", about: "Traffic written to Kafka." },
  iptables: { path: "src/collectors/iptables/README.md", about: "Firewall rules; coming from iptables_exporter." },
  connections: { path: "src/collectors/connections/README.md", about: "TCP connections; coming from geoip-exporter." },
  wialon: { path: "src/collectors/wialon/README.md", about: "GPS trackers; coming from wialon_ips_exporter." },
  monitoring: { path: "src/dashboards/README.md", about: "Dashboards for Grafana, alerts and rules for Prometheus." },
  building: { path: "scripts/README.md", about: "Machines without internet, tests and dependencies." },
  benchmark: { path: "test/bench/README.md", about: "Losses, costs and memory, as measured." },
  sources: { path: "src/README.md", about: "How it works, and the map of the sources." },
} as const satisfies Readonly<Record<string, Manual>>;
export type Topic = keyof typeof MANUALS;

export const manualPaths: readonly string[] = Object.values(MANUALS).map(({ path }) => path);

/** Topic → what its manual tells. */
export const TOPICS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(MANUALS).map(([topic, { about }]) => [topic, about]),
);

export function isTopic(name: string): name is Topic {
  return Object.hasOwn(MANUALS, name);
}

/** The text of a manual. */
export function manualText(topic: Topic): string {
  const { path } = MANUALS[topic];
  const asset = readAsset(path);
  if (asset === undefined) throw new Error(`the binary lacks the manual ${path}`);
  return new TextDecoder().decode(asset);
}
