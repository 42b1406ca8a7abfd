import { execFileSync } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { Kafka } from "../../support/kafka.ts";
import type { Page } from "../../support/page.ts";
import { lacking } from "../../support/requirements.ts";
import { Promtap } from "../programs/promtap.ts";
import { decimal, whole } from "../report/numbers.ts";
import type { Report, Table } from "../report/report.ts";
import { type Rig, SENDER_CPU } from "../rig/rig.ts";
import { cpuTime } from "../rig/usage.ts";
import type { Bench } from "./section.ts";

const CODECS = ["none", "lz4", "zstd", "gzip"] as const;
/** Enough to see the rate it settles at. */
const RECORDS = 3_000_000;
const SHARED_RECORDS = 1_000_000;
const PARTITIONS = 6;
const GROUP = "bench";
const SHARED_TOPIC = "shared";
const OWN_AS = 15_169;
/** Sets of labels among the records. */
const SETS = 1000;
const POLL_MS = 100;
const PATIENCE_MS = 120_000;

/** Measures how fast flow records are counted, and what becomes of them when instances die and others come. */
export async function flows(bench: Bench): Promise<Report> {
  const missing = lacking("kafka", "openssl", "setpriv", "taskset");
  const title = "Counting flows";
  if (missing !== false) return { title, notes: [`Not measured: ${missing}.`], tables: [] };
  const { rig, options } = bench;
  await using kafka = await Kafka.start(rig.listener);
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", `${SENDER_CPU}`, `${kafka.pid}`], { stdio: "ignore" });
  const records = Math.min(RECORDS, options.packets);
  const shared = Math.min(SHARED_RECORDS, options.packets);
  return {
    title,
    notes: [
      `Apache Kafka on loopback and CPU ${SENDER_CPU}, filled before by its own console producer; promtap on the ` +
        `other CPU; records as pmacct writes them, ${record(1).length} bytes, ${whole(SETS)} sets of labels.`,
      "records/s: from the first page that has any to the one that has all. CPU: of all threads of promtap, by the " +
        "scheduler's clock, from its start.",
      "twice: what all instances counted, by their last pages, beyond what was sent. The instance that dies is " +
        "killed in the midst of it, right after its last page; not committed: what it had counted by then and not " +
        "committed, which is all that may count twice.",
    ],
    tables: [await speed(bench, kafka, records), await death(bench, kafka, shared)],
  };
}

/** A record as pmacct writes it, of one of the sets of labels. */
function record(index: number): string {
  const labels = `"as_src": ${OWN_AS}, "as_dst": ${64_500 + (index % SETS)}, "iface_in": 3, "iface_out": 7`;
  return `{"event_type": "purge", "label": "bdr1.example.com", ${labels}, "packets": 1, "bytes": ${52 + (index % 1448)}}`;
}

function* records(count: number): Generator<string> {
  for (let index = 0; index < count; index++) yield record(index);
}

async function fill(kafka: Kafka, topic: string, count: number, codec: string): Promise<void> {
  await kafka.createTopic(topic, PARTITIONS);
  await kafka.produce(topic, records(count), { "compression.type": codec, "batch.size": "65536", "linger.ms": "20" });
}

function start(rig: Rig, kafka: Kafka, topic: string, ...flags: readonly string[]): Promise<Promtap> {
  const consume = ["--flow-brokers", kafka.address(), "--flow-topic", topic, "--flow-asn", `${OWN_AS}`];
  return Promtap.start(rig, [...consume, "--flow-from", "earliest", ...flags]);
}

function countedBy(page: Page): number {
  return page.value("promtap_flow_records_total") ?? 0;
}

async function speed({ rig, progress }: Bench, kafka: Kafka, count: number): Promise<Table> {
  const rows: string[][] = [];
  for (const codec of CODECS) {
    progress(`flows: ${codec}, filling`);
    await fill(kafka, codec, count, codec);
    progress(`flows: ${codec}`);
    await using promtap = await start(rig, kafka, codec, "--flow-partitions", "all");
    const first = await pageWith(rig, promtap, 1);
    const last = await pageWith(rig, promtap, count);
    const perSecond = (1000 * (last.counted - first.counted)) / (last.at - first.at);
    const nsEach = cpuTime(promtap.pid).totalNs / count;
    rows.push([codec, whole(last.counted), whole(perSecond), decimal(nsEach / 1000, 2)]);
  }
  return { caption: "One instance", head: ["compression", "records", "records/s", "CPU, µs a record"], rows };
}

/** Asks again and again, until so many records are counted. */
async function pageWith(rig: Rig, promtap: Promtap, count: number): Promise<{ counted: number; at: number }> {
  let counted = 0;
  let at = 0;
  const look = async (): Promise<boolean> => {
    counted = countedBy(await promtap.page());
    at = performance.now();
    if (counted < count) await delay(POLL_MS);
    return counted >= count;
  };
  await rig.until(`${count} records are counted`, look, PATIENCE_MS);
  return { counted, at };
}

async function death(bench: Bench, kafka: Kafka, count: number): Promise<Table> {
  const { progress } = bench;
  progress("flows: an instance dies, filling");
  await fill(kafka, SHARED_TOPIC, count, "none");
  let row: string[] | undefined;
  for (let attempt = 1; row === undefined; attempt++) {
    progress(`flows: an instance dies, attempt ${attempt}`);
    row = await killOne(bench, kafka, count, `${GROUP}-${attempt}`);
  }
  return {
    caption: `${whole(count)} records, ${PARTITIONS} partitions; one of two instances is killed, a third is added`,
    head: ["records", "by the killed", "by the survivor", "by the added", "lost", "twice", "not committed"],
    rows: [row],
  };
}

/**
 * Kills one of two instances while they count, and adds another. Undefined if the one committed something between
 * its last page and its death: what that was nobody can tell.
 */
async function killOne({ rig }: Bench, kafka: Kafka, count: number, group: string): Promise<string[] | undefined> {
  const flags = ["--flow-group", group];
  await using victim = await start(rig, kafka, SHARED_TOPIC, ...flags);
  await using survivor = await start(rig, kafka, SHARED_TOPIC, ...flags);
  await pageWith(rig, victim, count / 10);
  const last = await victim.page();
  process.kill(victim.pid, "SIGKILL");
  const ends = await offsets(kafka, group);
  const uncommitted = [...positions(last, ends)].map(([partition, at]) => at - ends.get(partition)!.committed);
  if (uncommitted.some((each) => each < 0)) return undefined;
  await using late = await start(rig, kafka, SHARED_TOPIC, ...flags);
  const pages = async (): Promise<Page[]> => Promise.all([survivor.page(), late.page()]);
  const isDone = (page: Page): boolean =>
    page.value("promtap_flow_up") === 1 &&
    positions(page, ends).size === PARTITIONS / 2 &&
    page.sum("promtap_flow_lag_messages") === 0;
  await rig.until("all records are counted", async () => (await pages()).every(isDone), PATIENCE_MS);
  const all = [last, ...(await pages())].map(countedBy);
  const beyond = total(all) - count;
  const outcome = [Math.max(0, -beyond), Math.max(0, beyond), total(uncommitted)];
  return [whole(count), ...all.map(whole), ...outcome.map(whole)];
}

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

/** Where a promtap is in its partitions, by its page. */
function positions(page: Page, ends: ReadonlyMap<number, { end: number }>): Map<number, number> {
  const found = new Map<number, number>();
  for (const [series, lag] of page.samples) {
    const partition = /^promtap_flow_lag_messages\{.*partition="(\d+)"/.exec(series)?.[1];
    if (partition !== undefined) found.set(Number(partition), ends.get(Number(partition))!.end - lag);
  }
  return found;
}

/** By partition: what the group has committed, and the end; as Kafka's own tool tells. */
async function offsets(kafka: Kafka, group: string): Promise<Map<number, { committed: number; end: number }>> {
  const tool = "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand";
  const where = ["--bootstrap-server", kafka.address()];
  const output = await kafka.runTool(tool, [...where, "--describe", "--group", group]);
  const lines = output.matchAll(new RegExp(`^${group}\\s+${SHARED_TOPIC}\\s+(\\d+)\\s+(\\d+)\\s+(\\d+)`, "gm"));
  return new Map(
    [...lines].map(([, partition, at, end]) => [Number(partition), { committed: Number(at), end: Number(end) }]),
  );
}
