import { Promtap, PROMTAP_PORT } from "../programs/promtap.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report } from "../report/report.ts";
import { Child } from "../rig/child.ts";
import { PROGRAM_CPU } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { HeldConnections } from "../rig/socket-holder.ts";
import { anonymousBytes } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const CONNECTIONS = [1000, 50_000];
const ROUNDS = 10;

/** Measures what it takes to count connections by country, with as many sockets as a busy server has. */
export async function connections(bench: Bench): Promise<Report> {
  const rows: string[][] = [];
  for (const count of CONNECTIONS) rows.push(...(await rowsOf(bench, count)));
  return {
    title: "Counting connections",
    notes: [
      `Both ends of connections to random addresses on one host; medians of ${ROUNDS}, on CPU 1. promtap: a scrape of ` +
        "its whole page over HTTP, by the client of the tables above. The others: from exec to end, output thrown away.",
      "longest block: as above. memory: RssAnon after those scrapes.",
    ],
    tables: [
      {
        caption: "TCP sockets by country",
        head: ["program", "sockets", "ms", "longest block, ms", "memory, MB"],
        rows,
      },
    ],
  };
}

async function rowsOf(bench: Bench, count: number): Promise<string[][]> {
  const { rig, progress } = bench;
  progress(`${whole(count)} connections`);
  await using _ = await HeldConnections.open(rig, count);
  const sockets = whole(2 * count);
  const rows = [await promtapRow(bench, sockets, 2 * count)];
  for (const command of ["ss -tan", "cat /proc/net/tcp"]) {
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) times.push(await timeOf(bench, command));
    rows.push([command, sockets, decimal(median(times)), "", ""]);
  }
  return rows;
}

async function promtapRow({ rig }: Bench, sockets: string, expected: number): Promise<string[]> {
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  await using promtap = await Promtap.start(rig, ["--geoip", ...listen]);
  const counted = (await promtap.page()).sum("promtap_tcp_connections", 'state="established"');
  if (counted < expected) throw new Error(`promtap counted ${counted} of ${expected} sockets`);
  // Once before, so that what is measured is compiled, as in a program that has run for a while.
  await scrape(rig, PROMTAP_PORT, ROUNDS);
  const { scrapes } = await scrape(rig, PROMTAP_PORT, ROUNDS);
  const { slowestHealthy } = await scrape(rig, PROMTAP_PORT, ROUNDS, "probe");
  return [
    "promtap --geoip",
    sockets,
    decimal(median(scrapes)),
    `${decimal(median(slowestHealthy))} (${decimal(Math.max(...slowestHealthy))})`,
    decimal(anonymousBytes(promtap.pid) / 1e6),
  ];
}

async function timeOf({ rig }: Bench, command: string): Promise<number> {
  const start = performance.now();
  await using child = new Child(rig, rig.listener, PROGRAM_CPU, ["sh", "-c", `${command} >/dev/null`]);
  await child.end();
  return performance.now() - start;
}
