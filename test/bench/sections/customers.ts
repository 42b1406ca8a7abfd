import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pmacctdWith } from "../programs/pmacctd.ts";
import { LIVE_FLAGS, Promtap, PROMTAP_PORT } from "../programs/promtap.ts";
import type { Program } from "../programs/program.ts";
import { decimal, median, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { type PrefixList, writePrefixList } from "../rig/prefix-list.ts";
import { ProgramClock } from "../rig/program-clock.ts";
import { INTERFACE, type Rig } from "../rig/rig.ts";
import { scrape } from "../rig/scrape-client.ts";
import { ANYWHERE, BETWEEN_IPV6_RANGES, FRAME_SIZES, IPV6_RANGES, sendTraffic } from "../rig/sender.ts";
import { writeTrafficFile } from "../rig/traffic-file.ts";
import { anonymousBytes, cpuTime, mapBytes, quiet } from "../rig/usage.ts";
import { costTable } from "./cost-table.ts";
import { pageSize } from "./page-cost.ts";
import type { Bench } from "./section.ts";

const ENGINES = ["bpf", "tcx"] as const;
const COUNTS = [100_000, 1_000_000] as const;
const CHANGES = 100;
/** Of the packets of a round, one of so many is sent in a turn, and before it. */
const TURN_SHARE = 5;
const WARM_UP_SHARE = 20;
const STARTS = 3;
const RELOADS = 3;
/** On a machine that has more to do than this one should. */
const PATIENCE_MS = 120_000;
const ACTIVE = { name: "", range: "", addresses: 100_000, protocols: [17], scrapes: 9 };
const SERIES = 4;
const FRAMES = "promacct_packet_size_bytes_all";
const LOST = "promtap_capture_lost_packets_total";

/** Measures lists of prefixes: what they cost a packet, the start, a reload, memory and the page. */
export async function customers(bench: Bench): Promise<Report> {
  const { rig } = bench;
  const list = writePrefixList(rig.folder.path, COUNTS[0]);
  const [shortFrames] = FRAME_SIZES;
  const withRanges = ENGINES.map((engine) => programOf(engine, "2 ranges", LIVE_FLAGS));
  const flags = ["-i", INTERFACE, "--range-file", list.csv];
  const withList = ENGINES.map((engine) => programOf(engine, `${whole(list.count)} prefixes`, flags));
  // Both ends are customers to promtap; pmacct would need another plugin for that.
  const lines = ["aggregate: dst_as", "pmacctd_as: file", `networks_file: ${list.networks}`];
  const peer = pmacctdWith(`by dst_as, ${whole(list.count)} prefixes`, lines);
  const peers = peer.unavailable === false ? [peer] : [];
  const ranges = await costTable(bench, withRanges, shortFrames);
  const prefixes = await costTable(bench, [...withRanges, ...withList, ...peers], shortFrames, ANYWHERE);
  const ipv6Flags = ["-i", INTERFACE, ...IPV6_RANGES.flatMap((range) => ["-r", range])];
  const withIpv6 = [...ENGINES, "ring"].map((engine) => programOf(engine, "2 ranges", ipv6Flags));
  const ipv6 = await costTable(bench, withIpv6, shortFrames, BETWEEN_IPV6_RANGES);
  return {
    title: "Customers",
    notes: [
      "Prefixes of random lengths all over the addresses, a quarter of them IPv6, each with labels of its own. The second " +
        "table: frames from random addresses to random ones, next to none of which are in the 2 ranges. Else as above.",
      "the clock of the kernel: run_time_ns over run_cnt of the program (kernel.bpf_stats_enabled), the same frames, medians; " +
        "the clock itself is in it.",
      "ready: from exec, median; CPU: of all threads until then, by the scheduler's clock; RssAnon: after a scrape; BPF " +
        "maps: those that promtap reads, of the whole process.",
      `reload: of ${whole(list.count)} prefixes, ${CHANGES} of them changed, from SIGHUP to its line in the log, median; ` +
        "CPU: the mean, of the threads that stay; longest block: the slowest answer of /-/healthy in another reload, asked " +
        "for without a pause, median (worst).",
      "page: every customer has sent and received, read from a file; scrapes over HTTP as above, median.",
    ],
    tables: [
      { ...ranges, caption: `With 2 ranges: ${ranges.caption}` },
      { ...prefixes, caption: `With ${whole(list.count)} prefixes: ${prefixes.caption}` },
      await clockTable(bench, [...withRanges, ...withList]),
      { ...ipv6, caption: `IPv6, with 2 ranges: ${ipv6.caption}` },
      await startTable(bench),
      await reloadTable(bench),
      await pageTable(bench),
    ],
  };
}

/** What a run of the program takes in the kernel, between random addresses. */
async function clockTable({ rig, options, progress }: Bench, programs: readonly Program[]): Promise<Table> {
  const times = new Map<Program, number[]>(programs.map((program) => [program, []]));
  using clock = new ProgramClock();
  for (let turn = 1; turn <= options.turns; turn++) {
    progress(`the clock of the kernel, turn ${turn}`);
    for (const [program, itsTimes] of times) {
      await using _listener = await program.start(rig);
      const send = (packets: number): Promise<unknown> =>
        sendTraffic(rig, FRAME_SIZES[0], Math.ceil(packets), ANYWHERE);
      await send(options.packets / WARM_UP_SHARE);
      itsTimes.push(await clock.timeOfRun(() => send(options.packets / TURN_SHARE)));
    }
  }
  return {
    caption: "The program alone, by the clock of the kernel",
    head: ["program", "ns a run", "least", "most"],
    rows: [...times].map(([{ name }, all]) => [name, ...[median(all), Math.min(...all), Math.max(...all)].map(whole)]),
  };
}

function programOf(engine: string, what: string, flags: readonly string[]): Program {
  return {
    name: `promtap --engine ${engine}, ${what}`,
    unavailable: false,
    async start(rig) {
      const promtap = await Promtap.start(rig, ["--engine", engine, ...flags], undefined, PATIENCE_MS);
      return {
        pid: promtap.pid,
        // All of the page would be hundreds of thousands of lines.
        async counted() {
          const page = await promtap.page(FRAMES, LOST);
          return { packets: page.sum(`${FRAMES}_count`), admittedLost: page.sum(LOST) };
        },
        [Symbol.asyncDispose]: () => promtap[Symbol.asyncDispose](),
      };
    },
  };
}

async function startTable({ rig, progress }: Bench): Promise<Table> {
  const rows: string[][] = [];
  for (const count of COUNTS) {
    const list = writePrefixList(rig.folder.path, count);
    for (const engine of [...ENGINES, "ring"]) {
      progress(`${engine}: start with ${whole(count)} prefixes`);
      rows.push([`${engine}, ${whole(count)} prefixes`, ...(await startCells(rig, engine, list))]);
    }
  }
  return { caption: "Start and memory", head: ["engine", "ready, ms", "CPU, ms", "RssAnon, MB", "BPF maps, MB"], rows };
}

async function startCells(rig: Rig, engine: string, list: PrefixList): Promise<string[]> {
  const [times, cpu]: [number[], number[]] = [[], []];
  let [own, kernel] = [0, 0];
  for (let start = 0; start < STARTS; start++) {
    const before = performance.now();
    await using promtap = await startWith(rig, engine, list);
    times.push(performance.now() - before);
    cpu.push(cpuTime(promtap.pid).totalNs / 1e6);
    await promtap.page(FRAMES);
    await quiet(rig, promtap.pid);
    own = anonymousBytes(promtap.pid);
    kernel = mapBytes(promtap.pid);
  }
  return [whole(median(times)), whole(median(cpu)), decimal(own / 1e6), decimal(kernel / 1e6)];
}

async function startWith(rig: Rig, engine: string, { csv }: PrefixList): Promise<Promtap> {
  return Promtap.start(rig, ["--engine", engine, "-i", INTERFACE, "--range-file", csv], undefined, PATIENCE_MS);
}

async function reloadTable({ rig, progress }: Bench): Promise<Table> {
  const rows: string[][] = [];
  const { path } = rig.folder;
  for (const engine of [...ENGINES, "ring"]) {
    progress(`${engine}: reload`);
    await using promtap = await startWith(rig, engine, writePrefixList(path, COUNTS[0]));
    const before = cpuTime(promtap.pid).totalNs;
    const [times, blocks]: [number[], number[]] = [[], []];
    for (let reload = 1; reload <= RELOADS; reload++) {
      writePrefixList(path, COUNTS[0], CHANGES);
      times.push((await reloaded(promtap, 2 * reload - 1, () => sleep(1))).tookMs);
      writePrefixList(path, COUNTS[0]);
      const { longestMs } = await reloaded(promtap, 2 * reload, () => promtap.get("/-/healthy"));
      blocks.push(longestMs);
    }
    const cpuMs = (cpuTime(promtap.pid).totalNs - before) / 1e6 / (2 * RELOADS);
    rows.push([
      engine,
      whole(median(times)),
      whole(cpuMs),
      `${decimal(median(blocks))} (${decimal(Math.max(...blocks))})`,
    ]);
  }
  return { caption: "Reload", head: ["engine", "reload, ms", "CPU, ms", "longest block, ms"], rows };
}

/** Has the lists read again; tells how long that took, and the longest of what was done meanwhile, again and again. */
async function reloaded(
  { pid, child }: Promtap,
  reloads: number,
  ask: () => Promise<unknown>,
): Promise<{ tookMs: number; longestMs: number }> {
  const start = performance.now();
  process.kill(pid, "SIGHUP");
  let longestMs = 0;
  while (child.output.split("msg=reloaded").length <= reloads) {
    const asked = performance.now();
    await ask();
    longestMs = Math.max(longestMs, performance.now() - asked);
    if (asked - start > PATIENCE_MS) throw new Error(`the reload takes too long: ${child.output}`);
  }
  return { tookMs: performance.now() - start, longestMs };
}

async function pageTable({ rig, progress }: Bench): Promise<Table> {
  progress(`the page of ${whole(ACTIVE.addresses)} customers`);
  const [capture, list] = [join(rig.folder.path, "traffic.pcap"), join(rig.folder.path, "active.csv")];
  writeTrafficFile(capture, ACTIVE);
  const rows = Array.from(
    { length: ACTIVE.addresses },
    (_, k) => `10.${k >> 16}.${(k >> 8) & 255}.${k & 255},c-${k}\n`,
  );
  writeFileSync(list, `prefix,customer\n${rows.join("")}`);
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  const flags = ["--read", capture, "--range-file", list, ...listen];
  await using promtap = await Promtap.start(rig, flags, undefined, PATIENCE_MS);
  const { lines, bytes } = await pageSize(rig, PROMTAP_PORT, SERIES * ACTIVE.addresses);
  await scrape(rig, PROMTAP_PORT, ACTIVE.scrapes);
  const before = cpuTime(promtap.pid).totalNs;
  const { scrapes } = await scrape(rig, PROMTAP_PORT, ACTIVE.scrapes);
  const cpuMs = (cpuTime(promtap.pid).totalNs - before) / 1e6 / ACTIVE.scrapes;
  const own = anonymousBytes(promtap.pid) / 1e6;
  return {
    caption: `The page of ${whole(ACTIVE.addresses)} active customers, ${SERIES} series each`,
    head: ["lines", "MB", "page, ms", "CPU, ms", "RssAnon, MB"],
    rows: [[whole(lines), decimal(bytes / 1e6), decimal(median(scrapes)), decimal(cpuMs), decimal(own)]],
  };
}
