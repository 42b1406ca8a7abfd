import { join } from "node:path";
import { promacct, PROMACCT_PORT, Promacct } from "../programs/promacct.ts";
import { servedFrom } from "../programs/promtap.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { Child } from "../rig/child.ts";
import { type Rig, SENDER_CPU } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { replay, sendFiller } from "../rig/sender.ts";
import { frames, type Population, SLASH_16, THOUSAND, writeTrafficFile } from "../rig/traffic-file.ts";
import type { Bench } from "./section.ts";

/** A program that serves the page of a population on a port of the listener's namespace. */
interface Server {
  name: string;
  isProbed: boolean;
  unavailable: string | false;
  start(rig: Rig, path: string, population: Population): Promise<AsyncDisposable & { port: number }>;
}

const promtapServer: Server = {
  name: "promtap",
  isProbed: true,
  unavailable: false,
  start: servedFrom,
};

/** It reads no files: the same frames are replayed to it, and others after them because it shows only full blocks. */
const promacctServer: Server = {
  name: "promacct",
  isProbed: false,
  unavailable: promacct.unavailable,
  async start(rig, path, population) {
    const server = await Promacct.start(rig, [population.range]);
    await replay(rig, path);
    await sendFiller(rig);
    return Object.assign(server, { port: PROMACCT_PORT });
  },
};

const SERVERS = [promtapServer, promacctServer];

/** Measures what a scrape costs with many active addresses, and how long it keeps the program from anything else. */
export async function pageCost(bench: Bench): Promise<Report> {
  const tables: Table[] = [];
  for (const population of [THOUSAND, SLASH_16]) tables.push(await tableOf(bench, population));
  return {
    title: "Cost of the page",
    notes: [
      "Scrapes over HTTP on loopback, without gzip, medians; the program on CPU 1, the client on CPU 0. client: a " +
        "program that throws the body away; curl: `curl -o /dev/null`, its time_total.",
      "longest block: the slowest answer of /-/healthy while the page was being sent, asked for without a pause, " +
        "a connection each; median (worst) of the scrapes. It includes the client's own delays.",
      ...SERVERS.flatMap(({ name, unavailable }) =>
        unavailable === false ? [] : [`${name} did not take part: ${unavailable}.`],
      ),
    ],
    tables,
  };
}

async function tableOf(bench: Bench, population: Population): Promise<Table> {
  const path = join(bench.rig.folder.path, "traffic.pcap");
  writeTrafficFile(path, population);
  const rows: string[][] = [];
  for (const server of SERVERS.filter(({ unavailable }) => unavailable === false)) {
    bench.progress(`the page of ${population.name}: ${server.name}`);
    rows.push(await rowOf(bench.rig, server, path, population));
  }
  return {
    caption: `${population.name}: ${whole(frames(population))} packets`,
    head: ["program", "lines", "MB", "client, ms", "curl, ms", "ns a line", "longest block, ms"],
    rows,
  };
}

async function rowOf(rig: Rig, server: Server, path: string, population: Population): Promise<string[]> {
  await using running = await server.start(rig, path, population);
  // Each histogram has 7 buckets, a sum and a count; there is one of all frames, and tx and rx of every packet.
  const { lines, bytes } = await pageSize(rig, running.port, 9 * (1 + 2 * frames(population)));
  // Once before, so that what is measured is compiled, as in a program that has run for a while.
  await scrape(rig, running.port, population.scrapes);
  const { scrapes } = await scrape(rig, running.port, population.scrapes);
  const curls: number[] = [];
  for (let count = 0; count < population.scrapes; count++) {
    curls.push(Number(await curl(rig, running.port, "--output", "/dev/null", "--write-out", "%{time_total}")) * 1e3);
  }
  const blocks = server.isProbed ? (await scrape(rig, running.port, population.scrapes, "probe")).slowestHealthy : [];
  return [
    server.name,
    whole(lines),
    decimal(bytes / 1e6),
    decimal(median(scrapes)),
    decimal(median(curls)),
    whole((median(scrapes) * 1e6) / lines),
    blocks.length === 0 ? "" : `${decimal(median(blocks))} (${decimal(Math.max(...blocks))})`,
  ];
}

/** Waits until the page has so many lines, and tells its size. */
export async function pageSize(rig: Rig, port: number, expected: number): Promise<{ lines: number; bytes: number }> {
  let lines = 0;
  let bytes = 0;
  await rig.until(`the page has ${expected} lines`, async () => {
    const counts = await shell(rig, `curl --silent http://127.0.0.1:${port}/metrics | wc --lines --bytes`);
    [lines = 0, bytes = 0] = counts.trim().split(/\s+/).map(Number);
    return lines >= expected;
  });
  return { lines, bytes };
}

async function curl(rig: Rig, port: number, ...flags: readonly string[]): Promise<string> {
  return shell(rig, ["curl --silent", ...flags, `http://127.0.0.1:${port}/metrics`].join(" "));
}

async function shell(rig: Rig, command: string): Promise<string> {
  await using child = new Child(rig, rig.listener, SENDER_CPU, ["sh", "-c", command]);
  return await child.end();
}
