import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Promtap, PROMTAP_PORT } from "../programs/promtap.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { Child } from "../rig/child.ts";
import { PROGRAM_CPU, type Rig } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { anonymousBytes, cpuTime } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const RULES = 20_000;
const CHAINS = 20;
const ROUNDS = 5;

/** A backend full of rules: how they get there and away again, and what prints them. */
interface Backend {
  name: string;
  load: string;
  print: string;
  clear: string;
  text: () => string;
}

const BACKENDS: readonly Backend[] = [
  {
    name: "iptables-nft",
    load: "iptables-nft-restore",
    print: "iptables-nft-save -c",
    clear: "nft flush ruleset",
    text: iptablesText,
  },
  {
    name: "iptables-legacy",
    load: "iptables-legacy-restore",
    print: "iptables-legacy-save -c",
    clear: "iptables-legacy -F",
    text: iptablesText,
  },
  { name: "nftables", load: "nft -f", print: "nft -j list ruleset", clear: "nft flush ruleset", text: nftText },
];

/** Measures what it takes to show the counters of many rules. */
export async function firewall(bench: Bench): Promise<Report> {
  const rows: string[][] = [];
  for (const backend of BACKENDS) rows.push(await rowOf(bench, backend));
  return {
    title: "Rules of the firewall",
    notes: [
      `Medians of ${ROUNDS}, all on CPU 1. scrape: promtap's whole page over HTTP, by the client of the tables above. ` +
        "program: what prints the rules, alone, output thrown away. promtap's own: its CPU time for a scrape, without " +
        "those of programs that it runs.",
      "longest block: as above, with the time that the program takes from promtap on that CPU. memory: RssAnon after " +
        "those scrapes.",
    ],
    tables: [
      {
        caption: `${whole(RULES)} rules, two series each`,
        head: ["backend", "scrape, ms", "program, ms", "promtap's own, ms", "longest block, ms", "memory, MB"],
        rows,
      },
    ],
  };
}

async function rowOf({ rig, progress }: Bench, backend: Backend): Promise<string[]> {
  progress(`${whole(RULES)} rules of ${backend.name}`);
  const file = join(rig.folder.path, "rules");
  writeFileSync(file, backend.text());
  await timeOf(rig, `${backend.load} ${file}`);
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  await using promtap = await Promtap.start(rig, ["--iptables", ...listen]);
  const shown = (await promtap.page()).sum("promtap_iptables_rules", `backend="${backend.name}"`);
  if (shown !== RULES) throw new Error(`promtap shows ${shown} of ${RULES} rules`);
  // Once before, so that what is measured is compiled, as in a program that has run for a while.
  await scrape(rig, PROMTAP_PORT, ROUNDS);
  const before = cpuTime(promtap.pid).totalNs;
  const { scrapes } = await scrape(rig, PROMTAP_PORT, ROUNDS);
  const ownMs = (cpuTime(promtap.pid).totalNs - before) / ROUNDS / 1e6;
  const { slowestHealthy } = await scrape(rig, PROMTAP_PORT, ROUNDS, "probe");
  const programs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) programs.push(await timeOf(rig, backend.print));
  const memory = anonymousBytes(promtap.pid);
  await timeOf(rig, backend.clear);
  return [
    backend.name,
    decimal(median(scrapes)),
    decimal(median(programs)),
    decimal(ownMs),
    `${decimal(median(slowestHealthy))} (${decimal(Math.max(...slowestHealthy))})`,
    decimal(memory / 1e6),
  ];
}

/** Milliseconds from exec to end. */
async function timeOf(rig: Rig, command: string): Promise<number> {
  const start = performance.now();
  await using child = new Child(rig, rig.listener, PROGRAM_CPU, ["sh", "-c", `exec ${command} >/dev/null`]);
  const output = await child.end();
  if (/error|fail/i.test(output)) throw new Error(`${command}: ${output}`);
  return performance.now() - start;
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

function addressOf(index: number): string {
  return `10.0.${index >> 8}.${index & 0xff}`;
}
