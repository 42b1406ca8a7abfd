import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { IPTABLES_EXPORTER_PORT, IptablesExporter, iptablesExporterLacks } from "../programs/iptables-exporter.ts";
import { Promtap, PROMTAP_PORT } from "../programs/promtap.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { Child } from "../rig/child.ts";
import { type Rig, SENDER_CPU } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { anonymousBytes, cpuTime, endedChildrenNs } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const RULES = 20_000;
const CHAINS = 20;
const ELEMENTS = 300_000;
const ROUNDS = 10;
const LISTEN = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];

/** A backend full of rules: how they get there and away again, and what changes one. */
interface Backend {
  readonly name: string;
  readonly load: string;
  readonly change: string;
  readonly clear: string;
  readonly text: () => string;
  /** What iptables_exporter is to run, if it can read these. */
  readonly save?: string;
}

const BACKENDS: readonly Backend[] = [
  {
    name: "iptables-nft",
    load: "iptables-nft-restore",
    change: "iptables-nft -A CHAIN-0",
    clear: "nft flush ruleset",
    text: iptablesText,
    save: "/usr/sbin/iptables-nft-save",
  },
  {
    name: "iptables-legacy",
    load: "iptables-legacy-restore",
    change: "iptables-legacy -A CHAIN-0",
    clear: "iptables-legacy -F",
    text: iptablesText,
    save: "/usr/sbin/iptables-legacy-save",
  },
  {
    name: "nftables",
    load: "nft -f",
    change: "nft add rule inet bench c0 counter",
    clear: "nft flush ruleset",
    text: nftText,
  },
];

/** Measures what it takes to show the counters of many rules, and of few beside many elements. */
export async function firewall(bench: Bench): Promise<Report> {
  const rows: string[][] = [];
  for (const backend of BACKENDS) rows.push(...(await rowsOf(bench, backend)));
  return {
    title: "Rules of the firewall",
    notes: [
      `All on CPU 1. scrape: the whole page over HTTP, by the client of the tables above, the median of ${ROUNDS}. CPU: ` +
        "the mean of those, by the scheduler's clock, with that of the programs that it runs; theirs alone in brackets.",
      "changed: a rule is added before each scrape.",
      "longest block: as above, with the time that other programs take from it on that CPU. memory: RssAnon after those " +
        "scrapes.",
      `elements: until the page has their number, from the first scrape on; one rule matches them.`,
      ...(iptablesExporterLacks === false ? [] : [`no figures of iptables_exporter: ${iptablesExporterLacks}`]),
    ],
    tables: [
      {
        caption: `${whole(RULES)} rules, two series each`,
        head: ["rules and program", "scrape, ms", "CPU, ms", "longest block, ms", "memory, MB"],
        rows,
      },
      await elementsTable(bench),
    ],
  };
}

async function rowsOf({ rig, progress }: Bench, backend: Backend): Promise<string[][]> {
  progress(`${whole(RULES)} rules of ${backend.name}`);
  await load(rig, backend.load, backend.text());
  const rows: string[][] = [];
  if (backend.save !== undefined && iptablesExporterLacks === false) {
    await using exporter = await IptablesExporter.start(rig, backend.save);
    const cost = await costOf(rig, exporter.pid, IPTABLES_EXPORTER_PORT);
    rows.push([`${backend.name}, iptables_exporter`, ...cost, "", memoryOf(exporter.pid)]);
  }
  await using promtap = await Promtap.start(rig, ["--iptables", ...LISTEN]);
  const shown = async () => (await promtap.page()).sum("promtap_iptables_rules", `backend="${backend.name}"`);
  await rig.until("promtap shows all rules", async () => (await shown()) === RULES);
  const cost = await costOf(rig, promtap.pid, PROMTAP_PORT);
  const { slowestHealthy } = await scrape(rig, PROMTAP_PORT, ROUNDS, "probe");
  const block = `${decimal(median(slowestHealthy))} (${decimal(Math.max(...slowestHealthy))})`;
  rows.push([`${backend.name}, promtap`, ...cost, block, memoryOf(promtap.pid)]);
  const changed = await costOf(rig, promtap.pid, PROMTAP_PORT, backend.change);
  rows.push([`${backend.name}, promtap, changed`, ...changed, "", memoryOf(promtap.pid)]);
  await run(rig, backend.clear);
  return rows;
}

/** Milliseconds of a scrape, and of CPU for it; `change` is run before each. */
async function costOf(rig: Rig, pid: number, port: number, change = "true"): Promise<[scrape: string, cpu: string]> {
  // Before, so that what is measured is compiled, as in a program that has run for a while.
  await scrape(rig, port, ROUNDS);
  const times: number[] = [];
  const [ownBefore, childrenBefore] = [cpuTime(pid).totalNs, endedChildrenNs(pid)];
  for (let round = 0; round < ROUNDS; round++) {
    await run(rig, change);
    times.push(...(await scrape(rig, port, 1)).scrapes);
  }
  const childrenNs = endedChildrenNs(pid) - childrenBefore;
  const totalNs = cpuTime(pid).totalNs - ownBefore + childrenNs;
  const perScrape = (ns: number): string => decimal(ns / ROUNDS / 1e6);
  return [decimal(median(times)), `${perScrape(totalNs)} (${perScrape(childrenNs)})`];
}

async function elementsTable({ rig, progress }: Bench): Promise<Report["tables"][number]> {
  progress(`a set of ${whole(ELEMENTS)} elements`);
  await load(rig, "nft -f", setText());
  await using promtap = await Promtap.start(rig, ["--iptables", ...LISTEN]);
  const start = performance.now();
  const first = await scrape(rig, PROMTAP_PORT, 1);
  if ((await promtap.page()).sum("promtap_iptables_rules") !== 1) throw new Error("promtap does not show the rule");
  const elements = async (): Promise<number> => (await promtap.page()).sum("promtap_nftables_set_elements");
  await rig.until("the elements are counted", async () => (await elements()) === ELEMENTS);
  const countedSeconds = (performance.now() - start) / 1000;
  const [scrapeMs, cpuMs] = await costOf(rig, promtap.pid, PROMTAP_PORT);
  await run(rig, "nft flush ruleset");
  return {
    caption: `A set of ${whole(ELEMENTS)} elements`,
    head: ["first scrape, ms", "elements, s", "scrape, ms", "CPU, ms"],
    rows: [[decimal(first.scrapes[0]!), decimal(countedSeconds), scrapeMs, cpuMs]],
  };
}

async function load(rig: Rig, command: string, text: string): Promise<void> {
  const file = join(rig.folder.path, "rules");
  writeFileSync(file, text);
  await run(rig, `${command} ${file}`);
}

async function run(rig: Rig, command: string): Promise<void> {
  await using child = new Child(rig, rig.listener, SENDER_CPU, ["sh", "-c", `exec ${command} >/dev/null`]);
  const output = await child.end();
  if (/error|fail/i.test(output)) throw new Error(`${command}: ${output}`);
}

function memoryOf(pid: number): string {
  return decimal(anonymousBytes(pid) / 1e6);
}

function iptablesText(): string {
  const chains = Array.from({ length: CHAINS }, (_, index) => `:CHAIN-${index} - [0:0]\n`);
  const rules = Array.from({ length: RULES }, (_, index) => {
    const match = `-s ${addressOf(index)} -p tcp -m tcp --dport ${1 + (index % 65_535)}`;
    return `-A CHAIN-${index % CHAINS} ${match} -m comment --comment "rule no ${index}" -j ACCEPT\n`;
  });
  return `*filter\n${chains.join("")}${rules.join("")}COMMIT\n`;
}

function nftText(): string {
  const chains = Array.from({ length: CHAINS }, (_, index) => `add chain inet bench c${index}\n`);
  const rules = Array.from({ length: RULES }, (_, index) => {
    const match = `ip saddr ${addressOf(index)} tcp dport ${1 + (index % 65_535)}`;
    return `add rule inet bench c${index % CHAINS} ${match} counter accept comment "rule no ${index}"\n`;
  });
  return `add table inet bench\n${chains.join("")}${rules.join("")}`;
}

function setText(): string {
  const elements = Array.from(
    { length: ELEMENTS },
    (_, index) => `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}`,
  );
  const set = `set bad { type ipv4_addr; elements = { ${elements.join(", ")} }; }`;
  return `table inet bench { ${set}; chain c { ip saddr @bad counter drop; }; }\n`;
}

function addressOf(index: number): string {
  return `10.0.${index >> 8}.${index & 0xff}`;
}
