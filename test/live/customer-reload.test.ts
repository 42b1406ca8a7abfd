import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type Frame, ipv4Frame, ipv6Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { mmdb } from "../support/mmdb-writer.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { Load, send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const FRAMES = 9_000;
const RELOADS = 6;
/** Each takes a scrape's time on a machine that has much to do. */
const TIMEOUT_MS = 240_000;
const SENDERS = ["10.0.0.1", "10.0.1.1", "10.0.2.1"];
const SENT = SENDERS.map((source) =>
  ipv4Frame({ source, destination: "192.0.2.1", protocol: PROTOCOL_UDP, lengthBytes: 100 }),
);
const ALL = 'promacct_packet_size_bytes_all_count{interface="near"}';

/** More customers than there was room for at the start, and more again. */
const CROWDS = [0, 0, 20_000, 0, 60_000, 3];

/**
 * What one customer has is told by other prefixes in each list; another customer is new in each, and the last that is
 * given a number.
 */
function listOf(reload: number): string {
  const one = ["10.0.0.0/24,one", "10.0.0.1,one\n10.0.0.0/16,none", "10.0.0.0/31,one\n10.0.0.0/8,none"];
  const crowd = Array.from(
    { length: CROWDS[reload] ?? 0 },
    (_, k) => `11.${k >> 16}.${(k >> 8) & 255}.${k & 255},c${k}\n`,
  );
  const last = `10.0.2.1,list-${reload}\n`;
  return `prefix,customer\n${one[reload % one.length]}\n10.0.1.0/24,two\n192.0.2.1,to\n${crowd.join("")}${last}`;
}

function packetsOf(page: Page, customer: string, direction: string): number {
  const labels = `interface="near",customer="${customer}",direction="${direction}"`;
  return page.value(`promtap_customer_packets_total{${labels}}`) ?? 0;
}

function customersOf(page: Page): string[] {
  return [...page.samples.keys()].filter((name) => name.startsWith("promtap_customer"));
}

/** A promtap that counts the same frames by address and by country as well, and has a list of customers or none. */
class Counted implements AsyncDisposable {
  readonly #folder = new TemporaryFolder();
  readonly #config = join(this.#folder.path, "promtap.yml");
  readonly #list = join(this.#folder.path, "customers.csv");
  readonly #engine: string;
  promtap!: RunningPromtap;

  private constructor(engine: string) {
    this.#engine = engine;
  }

  static async start(namespace: Namespace, engine: string): Promise<Counted> {
    const counted = new Counted(engine);
    const database = join(counted.#folder.path, "countries.mmdb");
    writeFileSync(database, mmdb({ "192.0.2.0/24": { country_code: "NL" } }));
    counted.#write("");
    const args = ["--config.file", counted.#config, "--geoip-db", database, "--web.enable-lifecycle"];
    counted.promtap = await RunningPromtap.start(namespace, args);
    return counted;
  }

  /** Has customers counted by a list, or by none. */
  async reload(list: string | undefined): Promise<void> {
    if (list !== undefined) writeFileSync(this.#list, list);
    this.#write(list === undefined ? "" : `, {file: ${this.#list}}`);
    assert.equal((await this.promtap.post("/-/reload")).status, 200);
  }

  /** Asks for a list and for what can't be besides. */
  async failToReload(list: string): Promise<void> {
    writeFileSync(this.#list, list);
    this.#write(`, {file: ${this.#list}}`, "near, nowhere");
    assert.equal((await this.promtap.post("/-/reload")).status, 500);
  }

  #write(lists: string, interfaces = "near"): void {
    const ranges = `ranges: [192.0.2.0/24${lists}]`;
    writeFileSync(this.#config, `engine: ${this.#engine}\ninterfaces: [${interfaces}]\nby: [country]\n${ranges}\n`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.promtap[Symbol.asyncDispose]();
    this.#folder[Symbol.dispose]();
  }
}

/** What all packets count as, however customers are counted. */
function assertAll(page: Page, packets: number): void {
  const address = page.sum("promacct_packet_size_bytes_ipv4_rx_count", 'ip="192.0.2.1"');
  const countries = page.sum("promtap_traffic_country_packets_total");
  assert.deepEqual([page.value(ALL), address, countries], [packets, packets, packets]);
}

for (const engine of ["bpf", "tcx", "ring"]) {
  const options = { ...engineOptions(engine), timeout: TIMEOUT_MS };
  test(`engine ${engine} counts every packet for its customer once over reloads of the list`, options, async () => {
    using namespace = new Namespace();
    namespace.addVeth("near", "far");
    await using counted = await Counted.start(namespace, engine);
    const { promtap } = counted;
    const before = await firstList(namespace, counted);
    let isSent = false;
    const sent = send(namespace, "far", SENT, { count: FRAMES, gap: "50us" }).finally(() => (isSent = true));
    let reloads = 0;
    while (reloads < RELOADS || !isSent) {
      await counted.reload(listOf(++reloads));
      await promtap.page();
    }
    await sent;
    const all = before.all + FRAMES;
    const page = await promtap.pageWhere("all is counted", (each) => each.value(ALL) === all);
    const share = FRAMES / SENT.length;
    assert.deepEqual(
      [packetsOf(page, "one", "tx"), packetsOf(page, "two", "tx"), packetsOf(page, "to", "rx")],
      [before.one + share, before.two + share, before.to + FRAMES],
    );
    assertAll(page, all);
    // That of the list before may be on its last page.
    await promtap.page();
    const names = [...(await promtap.page()).samples.keys()].filter((name) => name.includes('customer="list-'));
    assert.deepEqual(
      names.filter((name) => !name.includes(`"list-${reloads}"`)),
      [],
    );
    await lastList(counted, all);
  });
}

/** Brings the first list while packets come in. Returns what is counted when they have come. */
async function firstList(
  namespace: Namespace,
  counted: Counted,
): Promise<Record<"all" | "one" | "two" | "to", number>> {
  const { promtap } = counted;
  let earliest: number;
  let latest: number;
  {
    await using _ = new Load(namespace, "far", SENT, "50us");
    await promtap.pageWhere("packets come", (each) => each.value(ALL)! > 0);
    await counted.failToReload(listOf(0));
    const page = await promtap.page();
    assert.deepEqual(customersOf(page), []);
    earliest = page.value(ALL)!;
    await counted.reload(listOf(0));
    latest = (await promtap.page()).value(ALL)!;
  }
  const all = namespace.statistic("far", "tx_packets");
  const page = await promtap.pageWhere("all is counted", (each) => each.value(ALL) === all);
  assertAll(page, all);
  const [one, two, last] = ["one", "two", "list-0"].map((name) => packetsOf(page, name, "tx"));
  const to = packetsOf(page, "to", "rx");
  assert.equal(to, one! + two! + last!);
  // What came before is no customer's, and nothing is missed from then on.
  assert.ok(all - latest <= to && to <= all - earliest, `${to} of ${all}, the first at ${earliest} to ${latest}`);
  return { all, one: one!, two: two!, to };
}

/** Takes the last list away: then customers are on one more page. */
async function lastList(counted: Counted, all: number): Promise<void> {
  const { promtap } = counted;
  const before = await promtap.page();
  await counted.reload(undefined);
  assert.equal(packetsOf(await promtap.page(), "to", "rx"), packetsOf(before, "to", "rx"));
  const page = await promtap.page();
  assert.deepEqual(customersOf(page), []);
  assertAll(page, all);
  await counted.reload(listOf(0));
  assert.equal((await promtap.page()).value("promtap_customers"), 0);
}

/* Customers that come, go and come back: some are in one list alone, and all addresses are somebody's. */

const PAIRS = 400;
const LISTS = 6;
const LAST_IPV6 = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
const IPV4 = (k: number): string => (k === 0 ? "255.255.255.255" : `10.0.${k >> 8}.${k & 255}`);
const IPV6 = (k: number): string => (k === 0 ? LAST_IPV6 : `2001:db8::${k.toString(16)}`);

function mixedFrames(): Frame[] {
  return Array.from({ length: PAIRS }, (_, k) => {
    const [ends, make] = k % 3 === 0 ? ([IPV6, ipv6Frame] as const) : ([IPV4, ipv4Frame] as const);
    const destination = ends((k * 7) % PAIRS);
    return make({ source: ends(k), destination, protocol: PROTOCOL_UDP, lengthBytes: 80 + k });
  });
}

function churnedList(index: number): string {
  const lines = ["prefix,customer", "0.0.0.0/0,rest", "::/0,rest", "128.0.0.0/1,half"];
  for (let k = 0; k < PAIRS; k++) {
    const choice = (k * 31 + index * 17) % 5;
    if (choice === 0) lines.push(`${IPV4(k)},only-${index}-${k}`);
    else if (choice === 1) lines.push(`${IPV4(k)},again-${k}`);
    else if (choice === 2) lines.push(`${IPV6(k)},again-${k % 9}`);
  }
  return `${lines.join("\n")}\n`;
}

/** What has left the page, and what is on it, together by direction and unit. */
class Books {
  readonly #gone = new Map<string, number>();
  #last = new Map<string, number>();

  take(page: Page): void {
    const now = new Map([...page.samples].filter(([name]) => /^promtap_customer_\w+_total\{/.test(name)));
    for (const [name, value] of this.#last) {
      const later = now.get(name);
      if (later === undefined) add(this.#gone, name, value);
      else assert.ok(later >= value, `${name} was ${value}, and is ${later}`);
    }
    this.#last = now;
  }

  sums(): Map<string, number> {
    const sums = new Map(this.#gone);
    for (const [name, value] of this.#last) add(sums, name, value);
    return sums;
  }
}

function add(sums: Map<string, number>, name: string, value: number): void {
  const [, unit, direction] = /^promtap_customer_(\w+)_total.*direction="(\w+)"/.exec(name)!;
  sums.set(`${unit} ${direction}`, (sums.get(`${unit} ${direction}`) ?? 0) + value);
}

test(
  "what was sent is what all customers had, whoever comes, goes and comes back meanwhile",
  { ...engineOptions("bpf"), timeout: TIMEOUT_MS },
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("near", "far");
    const path = join(folder.path, "customers.csv");
    writeFileSync(path, "prefix,customer\n0.0.0.0/0,rest\n::/0,rest\n");
    const args = ["--engine", "bpf", "-i", "near", "--range-file", path, "--web.enable-lifecycle"];
    await using promtap = await RunningPromtap.start(namespace, args);
    let isSent = false;
    const sent = send(namespace, "far", mixedFrames(), { count: FRAMES, gap: "50us" }).finally(() => (isSent = true));
    const books = new Books();
    for (let index = 0; index < LISTS || !isSent; index++) {
      writeFileSync(path, churnedList(index));
      // Two at a time: what is asked for while it is read is read again.
      const answers = await Promise.all([promtap.post("/-/reload"), promtap.post("/-/reload")]);
      assert.deepEqual(
        answers.map(({ status }) => status),
        [200, 200],
      );
      if (index % 3 > 0) books.take(await promtap.page());
    }
    await sent;
    const page = await promtap.pageWhere("all is counted", (each) => {
      books.take(each);
      return each.value(ALL) === FRAMES;
    });
    books.take(await promtap.page());
    const bytes = page.value(ALL.replace("_count", "_sum"))!;
    const expected = { "packets tx": FRAMES, "packets rx": FRAMES, "bytes tx": bytes, "bytes rx": bytes };
    assert.deepEqual(Object.fromEntries(books.sums()), expected);
  },
);
