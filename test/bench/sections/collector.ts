import { join } from "node:path";
import { Goflow2, goflow2Lacks } from "../programs/goflow2.ts";
import { Promtap } from "../programs/promtap.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import {
  COLLECTOR,
  COLLECTOR_MAC,
  COLLECTOR_PORT,
  netflowDatagrams,
  sflowDatagrams,
  writeFlowFile,
} from "../rig/flow-file.ts";
import { type Pace, sendAtPace } from "../rig/paced-sender.ts";
import { INTERFACE, type Rig } from "../rig/rig.ts";
import { anonymousBytes, cpuTime, quiet } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const OWN_AS = 64_500;
const SETS = 100_000;
/** Datagrams of a file; more than sequence numbers may be late by, so that the next round begins again. */
const SAMPLED = 10_000;

/** What is sent, and how fast. */
interface Load {
  readonly name: string;
  /** As goflow2 calls it. */
  readonly scheme: "netflow" | "sflow";
  /** Records of a datagram. */
  readonly records: number;
  readonly rate: number;
  /** At which CPU times are compared: one that goflow2 bears, so that none is spent on what is then dropped. */
  readonly modestRate: number;
  readonly file: () => ReturnType<typeof netflowDatagrams>;
}

const LOADS: readonly Load[] = [
  {
    name: "v9, 24 records",
    scheme: "netflow",
    records: 24,
    rate: 45_000,
    modestRate: 2000,
    file: () => netflowDatagrams(SETS, 24),
  },
  {
    name: "v9, 1 record",
    scheme: "netflow",
    records: 1,
    rate: 100_000,
    modestRate: 5000,
    file: () => netflowDatagrams(SETS, 1),
  },
  {
    name: "sFlow, 7 samples",
    scheme: "sflow",
    records: 7,
    rate: 43_000,
    modestRate: 3000,
    file: () => sflowDatagrams(SAMPLED, 7),
  },
];
const SECONDS = 4;
/** Of a turn at the modest rate. */
const MODEST_SECONDS = 8;

/** A program that receives flows. */
interface Collector extends AsyncDisposable {
  readonly pid: number;
  datagrams(): Promise<number>;
}

/** Measures how fast flow records are received by UDP, and what is lost. */
export async function collector(bench: Bench): Promise<Report> {
  return withCollector(bench.rig, async () => ({
    title: "Receiving flows",
    notes: notes(),
    tables: [{ caption: "By UDP", head: HEAD, rows: await measure(bench) }, ...(await compared(bench))],
  }));
}

/** Has the listener the address that datagrams of flow files go to, while something is measured. */
export async function withCollector<T>({ listener }: Rig, measured: () => Promise<T>): Promise<T> {
  const mac = COLLECTOR_MAC.map((byte) => byte.toString(16).padStart(2, "0")).join(":");
  listener.ip("link", "set", INTERFACE, "address", mac);
  listener.ip("address", "add", `${COLLECTOR.join(".")}/24`, "dev", INTERFACE);
  // Exporters may have any address.
  listener.ip("route", "replace", "default", "dev", INTERFACE);
  try {
    return await measured();
  } finally {
    listener.ip("address", "flush", "dev", INTERFACE);
  }
}

const HEAD = ["datagrams", "program", "a second", "records a second", "lost", "CPU, ns a record read", "anonymous, MB"];

function notes(): string[] {
  return [
    `NetFlow v9 with ${whole(SETS)} sets of labels, and sFlow, on a veth pair, the sender on CPU 0 and the program on CPU 1; ` +
      `${SECONDS} seconds each, in turns.`,
    "lost: datagrams that were sent and not read, by the program's own account. CPU: of all threads, by the scheduler's clock.",
    `At a rate that both bear: ${MODEST_SECONDS} seconds a turn, medians.`,
    "goflow2 decodes and writes its bin format to /dev/null; promtap counts by AS, interface and exporter.",
    ...(goflow2Lacks === false ? [] : [`no figures of goflow2: ${goflow2Lacks}`]),
  ];
}

async function measure({ rig, options, progress }: Bench): Promise<string[][]> {
  const rows: string[][] = [];
  for (const load of LOADS) {
    const path = join(rig.folder.path, "flows.pcap");
    writeFlowFile(path, load.file());
    for (let round = 0; round < options.rounds; round++) {
      for (const { name, start } of collectorsOf(rig, load)) {
        progress(`flows by UDP: ${load.name}, ${name}`);
        await using program = await start();
        rows.push([load.name, name, ...(await one(rig, path, load, program))]);
      }
    }
  }
  return rows;
}

interface Contender {
  readonly name: string;
  readonly start: () => Promise<Collector>;
}

function collectorsOf(rig: Rig, { scheme }: Load): Contender[] {
  const promtap = { name: "promtap", start: () => startPromtap(rig) };
  if (goflow2Lacks !== false) return [promtap];
  return [promtap, { name: "goflow2", start: () => Goflow2.start(rig, scheme) }];
}

/** CPU time a record in turns, at a rate at which neither drops anything; no table without a peer. */
async function compared({ rig, options, progress }: Bench): Promise<Table[]> {
  if (goflow2Lacks !== false) return [];
  const rows: string[][] = [];
  for (const load of LOADS) {
    const path = join(rig.folder.path, "flows.pcap");
    const datagrams = load.file();
    writeFlowFile(path, datagrams);
    const costs = new Map<string, Cost[]>();
    for (let round = 0; round < options.rounds; round++) {
      for (const { name, start } of collectorsOf(rig, load)) {
        progress(`flows by UDP at a modest rate: ${load.name}, ${name}`);
        await using program = await start();
        await sendAtPace(rig, { path, first: 0, frames: datagrams.length, rate: 4 * load.modestRate });
        const pace = { path, first: 0, frames: load.modestRate * MODEST_SECONDS, rate: load.modestRate };
        costs.set(name, [...(costs.get(name) ?? []), await costOf(rig, pace, program)]);
      }
    }
    const all = [...costs.values()];
    const [own = 0, peer = 0] = all.map((each) => median(each.map(({ nsEach }) => nsEach)));
    const lost = all.map((each) => whole(each.reduce((sum, { lost: count }) => sum + count, 0)));
    const each = [own, peer].map((ns) => decimal(ns / load.records));
    rows.push([load.name, whole(load.modestRate * load.records), ...each, decimal(own / peer, 3), ...lost]);
  }
  const head = [
    "datagrams",
    "records a second",
    "promtap, ns a record",
    "goflow2",
    "ratio",
    "lost by promtap",
    "by goflow2",
  ];
  return [{ caption: "At a rate that both bear", head, rows }];
}

async function startPromtap(rig: Rig): Promise<Collector> {
  const flags = ["--flow-listen", `:${COLLECTOR_PORT}`, "--flow-asn", `${OWN_AS}`, "--flow-max-series", `${2 * SETS}`];
  const promtap = await Promtap.start(rig, flags);
  const name = "promtap_flow_datagrams_total";
  return {
    pid: promtap.pid,
    datagrams: async () => (await promtap.page(name)).sum(name),
    [Symbol.asyncDispose]: () => promtap[Symbol.asyncDispose](),
  };
}

/** Sends once at leisure, so that all series are there, and then at the rate. */
async function one(rig: Rig, path: string, { records, rate }: Load, program: Collector): Promise<string[]> {
  await sendAtPace(rig, { path, first: 0, frames: SETS, rate: 20_000 });
  const { achieved, nsEach, lost } = await costOf(rig, { path, first: 0, frames: rate * SECONDS, rate }, program);
  return [
    whole(achieved),
    whole(achieved * records),
    whole(lost),
    decimal(nsEach / records),
    decimal(anonymousBytes(program.pid) / 1e6),
  ];
}

/** What datagrams cost. */
interface Cost {
  /** How many a second there were. */
  readonly achieved: number;
  /** CPU time of a datagram that was read. */
  readonly nsEach: number;
  readonly lost: number;
}

async function costOf(rig: Rig, pace: Pace, program: Collector): Promise<Cost> {
  await quiet(rig, program.pid);
  const [before, cpuBefore] = [await program.datagrams(), cpuTime(program.pid).totalNs];
  const achieved = await sendAtPace(rig, pace);
  await quiet(rig, program.pid);
  const cpuNs = cpuTime(program.pid).totalNs - cpuBefore;
  const read = (await program.datagrams()) - before;
  return { achieved, nsEach: cpuNs / read, lost: pace.frames - read };
}
