import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { before, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { bpfKind, tcxKind } from "../../src/capture/bpf/bpf-engine.ts";
import { Capture, type CaptureListener } from "../../src/capture/capture.ts";
import { Links } from "../../src/capture/links.ts";
import type { EngineKind } from "../../src/capture/engine.ts";
import { pcapKind } from "../../src/capture/pcap/pcap-engine.ts";
import { ringKind } from "../../src/capture/ring/ring-engine.ts";
import { parseRange } from "../../src/config/range-syntax.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { type Frame, ipv4Frame, ipv6Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { engineOptions, lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";
import { type SeriesCounts, seriesOf } from "../ledger/model.ts";
import { enterPrivateNetwork, ipBatch } from "./private-network.ts";

const MAX_ADDRESSES = 1000;
const TIMEOUT_MS = 240_000;
const RERANGES = 100;
const FRAMES = 200_000;
const FEW = 50;
const LENGTH_BYTES = 100;

const SENT: readonly Frame[] = [
  ...["10.0.0.1", "10.0.0.2", "10.1.0.1", "10.2.0.1"].map((source) =>
    ipv4Frame({ source, destination: "192.0.2.1", protocol: PROTOCOL_UDP, lengthBytes: LENGTH_BYTES }),
  ),
  ipv6Frame({
    source: "2001:db8::1",
    destination: "2001:db8:1::1",
    protocol: PROTOCOL_UDP,
    lengthBytes: LENGTH_BYTES,
  }),
];
/** What all of them have: its series must count everything. */
const KEPT = ["10.0.0.1:a=b", "2001:db8::/64:a=c"];
/** More rows, other places of the same rows, others before them. */
const SETS = [KEPT, ["10.0.0.2", ...KEPT, "10.1.0.0/16"], [...KEPT.toReversed(), "10.2.0.0/16/24"]];

const listener: CaptureListener = {
  opened() {},
  closed() {},
  idle() {},
  renamed() {},
  overlapped() {},
  failed: (names, reason) => assert.fail(`${names.join()}: ${reason}`),
};

const kinds: Record<string, (ranges: RangeTable) => EngineKind> = {
  bpf: (ranges) => bpfKind(optionsOf(ranges)),
  tcx: (ranges) => tcxKind(optionsOf(ranges)),
  ring: () => ringKind(),
  pcap: () => pcapKind(""),
};

function optionsOf(ranges: RangeTable) {
  return { ranges, maxAddresses: MAX_ADDRESSES, wireSizes: false, opensTunnels: false, zonings: [], isFixed: false };
}

function tableOf(texts: readonly string[]): RangeTable {
  return new RangeTable(texts.map(parseRange));
}

/** Sends the frames round and round, from two CPUs if there are. */
async function send(folder: TemporaryFolder, count = FRAMES): Promise<void> {
  const path = join(folder.path, "frames.cfg");
  writeFileSync(path, SENT.map((frame) => `{ ${frame.bytes.join(", ")} }\n`).join(""));
  const words = ["--no-sock-mem", "--qdisc-path", "--in", path, "--out", "far", "--num", `${count}`, "--gap", "20us"];
  const trafgen = spawn("trafgen", [...words, "--cpus", "1"], { stdio: "ignore" });
  await once(trafgen, "close");
}

function packetsOf({ buckets }: SeriesCounts): number {
  return buckets.reduce((sum, count) => sum + count, 0);
}

before(() => {
  if (lacking("root", "ip") !== false) return;
  enterPrivateNetwork();
  ipBatch(["link add near type veth peer name far", "link set near up", "link set far up"]);
  for (const name of ["near", "far"]) execFileSync("ethtool", ["-K", name, "gro", "off", "gso", "off", "tso", "off"]);
});

for (const [name, kindOf] of Object.entries(kinds)) {
  test(
    `engine ${name} counts every packet once while ranges change ${RERANGES} times`,
    { ...engineOptions(name), timeout: TIMEOUT_MS },
    async () => {
      using folder = new TemporaryFolder();
      const { capture, ledger, rerange } = await startCounting(kindOf);
      await using _ = capture;
      await capture.started();
      let isSent = false;
      const sending = send(folder).finally(() => (isSent = true));
      let changes = 0;
      for (; changes < RERANGES || !isSent; changes++) {
        await rerange(changes % SETS.length);
        if (changes % 3 === 0) capture.sync();
        ledger.takeDeparted();
        await nextTurn();
      }
      await sending;
      const count = (series: string): number => {
        capture.sync();
        const counts = seriesOf(ledger.interface("near"), ledger.ranges).get(series);
        return counts === undefined ? 0 : packetsOf(counts);
      };
      await until("all is counted", () => count("all") >= FRAMES);
      assert.equal(count("all"), FRAMES);
      const each = FRAMES / SENT.length;
      assert.equal(count("tx 4 a=b 167772161/32 udp"), each);
      assert.equal(count("tx 6 a=c 42540766411282592856903984951653826561/128 udp"), each);
    },
  );
}

for (const [name, kindOf] of Object.entries(kinds)) {
  test(
    `engine ${name} loses nothing of an interface that has no name, or is given up, when ranges change`,
    { ...engineOptions(name), timeout: TIMEOUT_MS },
    async () => {
      using folder = new TemporaryFolder();
      // What is renamed is waited for as long as it takes.
      const { capture, ledger, rerange } = await startCounting(kindOf, () => 0);
      let sent = 0;
      const sendTo = async (link: string): Promise<void> => {
        const before = received(link);
        await send(folder, FEW);
        sent += FEW;
        await until("all is received", () => received(link) - before >= FEW);
      };
      await capture.started();
      rename("near", "nameless");
      await until("it is left", () => capture.taps().every(({ isUp }) => !isUp));
      await sendTo("nameless");
      await rerange(1);
      rename("nameless", "near");
      await until("it is captured again", () => capture.taps().some(({ isUp }) => isUp));
      await sendTo("near");
      capture.want(["lo"]);
      await rerange(2);
      await capture[Symbol.asyncDispose]();
      assert.equal(packetsOf(seriesOf(ledger.interface("near"), ledger.ranges).get("all")!), sent);
    },
  );
}

for (const name of ["bpf", "tcx"]) {
  test(`engine ${name} takes no row of the ranges before for one of others`, engineOptions(name), async () => {
    using folder = new TemporaryFolder();
    using links = Links.open();
    const first = tableOf(["10.0.0.1:a=b", "10.1.0.0/16:c=d"]);
    const ledger = new Ledger(first, MAX_ADDRESSES);
    const near = links.find("near")!;
    await using engine = await kinds[name]!(first).open(near, ledger.interface("near"), 1);
    const before = received("near");
    await send(folder, FEW);
    await until("all is received", () => received("near") - before >= FEW);
    engine.retarget(undefined);
    const counted = [...seriesOf(ledger.interface("near"), ledger.ranges)];
    ledger.rerange(tableOf(["10.2.0.0/16:e=f", "10.0.0.1:a=b", "10.1.0.0/16:c=d"]), MAX_ADDRESSES);
    await send(folder, FEW);
    await until("all is received", () => received("near") - before >= 2 * FEW);
    engine.retarget(ledger.interface("near"));
    engine.sync();
    assert.deepEqual([...seriesOf(ledger.interface("near"), ledger.ranges)], counted);
  });
}

/** Counts on `near` by the first set of ranges; `rerange` goes on by another. `now`: the clock of the capture. */
async function startCounting(kindOf: (ranges: RangeTable) => EngineKind, now?: () => number) {
  const first = tableOf(SETS[0]!);
  const ledger = new Ledger(first, MAX_ADDRESSES);
  let kind = kindOf(first);
  const capture = await Capture.start(kind, ["near"], ledger, listener, now);
  return {
    capture,
    ledger,
    rerange: async (set: number): Promise<void> => {
      const ranges = tableOf(SETS[set]!);
      const next = kind.reranged?.(ranges, MAX_ADDRESSES);
      await capture.rerange(next, () => ledger.rerange(ranges, MAX_ADDRESSES));
      kind = next ?? kind;
    },
  };
}

function rename(before: string, name: string): void {
  ipBatch([`link set ${before} down`, `link set ${before} name ${name}`, `link set ${name} up`]);
}

/** Packets that an interface has received. */
function received(link: string): number {
  const text = execFileSync("ip", ["-json", "-statistics", "link", "show", link], { encoding: "utf8" });
  return (JSON.parse(text) as [{ stats64: { rx: { packets: number } } }])[0].stats64.rx.packets;
}
