import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Page } from "../../support/page.ts";
import { Promtap } from "../programs/promtap.ts";
import { decimal, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { COLLECTOR_PORT, EXPORTER, writeExportersFile } from "../rig/flow-file.ts";
import { changingExporters, hostileDatagrams, REAL_EVERY, REAL_RECORDS } from "../rig/hostile-file.ts";
import { sendAtPace } from "../rig/paced-sender.ts";
import type { Rig } from "../rig/rig.ts";
import { anonymousBytes, quiet } from "../rig/usage.ts";
import { withCollector } from "./collector.ts";
import type { Bench } from "./section.ts";

const FLAGS = ["--flow-listen", `:${COLLECTOR_PORT}`, "--flow-asn", "64500", "--flow-max-series", "10000"];
const HOSTILE_FILE = 40_000;
const HOSTILE_BYTES = 1e9;
const HOSTILE_RATE = 20_000;
const PARTS = 5;
/** Of the changing exporters: what an hour of 100 new ones a second is. */
const EXPORTERS = 360_000;
const EXPORTERS_RATE = 500;

/** Measures what is lost of an exporter among those that lie, and memory then, and while exporters change. */
export async function hostileFlows(bench: Bench): Promise<Report> {
  return withCollector(bench.rig, async () => ({
    title: "Flows of those that lie",
    notes: [
      `Random, truncated, recursive and lying datagrams of 5,000 addresses, ${whole(HOSTILE_RATE)} a second, every ` +
        `${REAL_EVERY}th of one exporter of NetFlow v9 with ${REAL_RECORDS} records; by the socket, on CPU 1.`,
      `Exporters that change: at most ${whole(EXPORTERS_RATE)} datagrams a second, each of another address and with a template ` +
        "and two records. After ten minutes one that is silent gives its place to another.",
      "lost: records of that exporter which are not counted; miscounted: bytes that are counted beside what was sent.",
      "memory: RssAnon of /proc/PID/status, at the end of each part.",
    ],
    tables: [await hostile(bench), await changing(bench)],
  }));
}

async function hostile({ rig, options, progress }: Bench): Promise<Table> {
  const path = join(rig.folder.path, "hostile.pcap");
  const { frames, bytes } = writeExportersFile(path, hostileDatagrams(HOSTILE_FILE));
  const rounds = Math.max(1, Math.round((HOSTILE_BYTES * options.packets) / 5_000_000 / bytes / PARTS));
  const rows: string[][] = [];
  await using promtap = await Promtap.start(rig, FLAGS);
  for (let part = 1; part <= PARTS; part++) {
    progress(`flows of those that lie: ${part} of ${PARTS}`);
    await sendAtPace(rig, { path, first: 0, frames: frames * rounds, rate: HOSTILE_RATE });
    await quiet(rig, promtap.pid);
    const sent = part * rounds;
    const page = await promtap.page();
    const records = (sent * HOSTILE_FILE * REAL_RECORDS) / REAL_EVERY;
    const name = `exporter="${EXPORTER.join(".")}"`;
    const host = `hostname="${EXPORTER.join(".")}"`;
    rows.push([
      whole(bytes * sent),
      whole(frames * sent),
      whole(records),
      whole(records - page.sum("promtap_flow_exporter_records_total", name)),
      whole(page.sum("flow_transit_bytes_total", host) - 1500 * records),
      whole(page.sum("promtap_flow_refused_datagrams_total")),
      whole(page.sum("promtap_flow_socket_drops_total")),
      decimal(anonymousBytes(promtap.pid) / 1e6),
    ]);
  }
  const head = [
    "bytes",
    "datagrams",
    "records of the exporter",
    "lost",
    "miscounted",
    "refused",
    "drops",
    "memory, MB",
  ];
  return { caption: "Those that lie", head, rows };
}

async function changing({ rig, options, progress }: Bench): Promise<Table> {
  const exporters = Math.round((EXPORTERS * options.packets) / 5_000_000);
  const path = join(rig.folder.path, "exporters.pcap");
  const { frames } = writeExportersFile(path, changingExporters(exporters));
  await using promtap = await Promtap.start(rig, FLAGS);
  const rows: string[][] = [];
  for (let part = 0; part < PARTS; part++) {
    progress(`exporters that change: ${part + 1} of ${PARTS}`);
    const share = Math.floor(frames / PARTS);
    await sendSlowly(rig, path, part * share, share);
    const page = await promtap.page();
    rows.push([whole((part + 1) * share), ...countedOf(page), decimal(anonymousBytes(promtap.pid) / 1e6)]);
  }
  const head = ["exporters", "datagrams read", "told apart", "gave their place", "refused", "drops", "memory, MB"];
  return { caption: "Exporters that change", head, rows };
}

/** A second's datagrams at a time: what waits for its time without a rest would take a CPU for minutes. */
async function sendSlowly(rig: Rig, path: string, first: number, frames: number): Promise<void> {
  for (let sent = 0; sent < frames;) {
    const start = performance.now();
    const group = Math.min(EXPORTERS_RATE, frames - sent);
    await sendAtPace(rig, { path, first: first + sent, frames: group, rate: 20 * EXPORTERS_RATE });
    sent += group;
    await delay(Math.max(0, 1000 - (performance.now() - start)), undefined, { signal: rig.signal });
  }
}

function countedOf(page: Page): string[] {
  return [
    whole(page.sum("promtap_flow_datagrams_total")),
    whole(page.sum("promtap_flow_exporters")),
    whole(page.sum("promtap_flow_evicted_exporters_total")),
    whole(page.sum("promtap_flow_refused_datagrams_total")),
    whole(page.sum("promtap_flow_socket_drops_total")),
  ];
}
