import assert from "node:assert/strict";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { frames } from "../capture/ring/layered-frames.ts";
import { tunnelFrames } from "../capture/tunnel-frames.ts";
import { LINKTYPE_ETHERNET } from "../../src/packet/link/link-types.ts";
import { parse } from "../packet/frames.ts";
import type { Frame } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap, runPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { startRecording } from "../support/recording.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const ENGINES = ["bpf", "tcx", "ring", "pcap"];
const RANGES = ["-r", "0.0.0.0/0/8:site=four", "-r", "::/0/8:site=six"];
/** The frames that are sent, each list with other ones of the same kind in the other direction. */
const SEEDS = Array.from({ length: 64 }, (_, seed) => seed);
const TRAFFIC = {
  "any traffic": { arbitrary: frames, seeds: [20], engines: ENGINES, flags: [] },
  "any tunnels": { arbitrary: tunnelFrames, seeds: SEEDS, engines: ENGINES, flags: ["--inner"] },
  "any VLANs": { arbitrary: frames, seeds: SEEDS, engines: ENGINES, flags: ["--by=vlan"] },
};
const FRAMES = 512;
/** What an interface takes. */
const MIN_BYTES = 14;
const MAX_BYTES = 1514;
const TPID_VLAN = 0x8100;
const TPID_QINQ = 0x88a8;

/** The same frames in every run: headers in stacks, legal and not, cut anywhere. */
function anyFrames(arbitrary: fc.Arbitrary<Uint8Array>, seeds: readonly number[]): Frame[] {
  return seeds
    .flatMap((seed) => fc.sample(arbitrary, { numRuns: FRAMES / seeds.length, seed }))
    .filter((frame) => frame.length >= MIN_BYTES && frame.length <= MAX_BYTES && !isAtLimit(frame))
    .map((bytes) => ({ bytes: [...bytes], lengthBytes: 0 }));
}

/**
 * Whether a frame has one tag more than are looked through: the kernel takes the outermost off, and then it has not. Only
 * libpcap puts that back.
 */
function isAtLimit(frame: Uint8Array): boolean {
  const type = (frame[12]! << 8) | frame[13]!;
  if (type !== TPID_VLAN && type !== TPID_QINQ) return false;
  const untagged = Uint8Array.from([...frame.subarray(0, 12), ...frame.subarray(16)]);
  const [whole, rest] = [frame, untagged].map((bytes) => parse(LINKTYPE_ETHERNET, bytes));
  return whole!.verdict !== rest!.verdict || whole!.lengthBytes !== rest!.lengthBytes;
}

/** The traffic, and what was refused or not opened. */
function factsOf(page: Page): Map<string, number> {
  const refused = [...page.samples].filter(([series]) => /^promtap_traffic_un(accounted|opened)_/.test(series));
  return new Map([...page.traffic("veth0"), ...refused]);
}

for (const [name, { arbitrary, seeds, engines, flags }] of Object.entries(TRAFFIC)) {
  const title = `every engine, and a recording by tcpdump, says the same of ${name}`;
  test(title, liveOptions("tcpdump", "libpcap"), async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    await using promtaps = new AsyncDisposableStack();
    namespace.addVeth("veth0", "veth1");
    const running = new Map<string, RunningPromtap>();
    const counter = promtaps.use(await RunningPromtap.start(namespace, ["--engine", "bpf", "-i", "veth0"]));
    for (const engine of engines) {
      const args = ["--engine", engine, "-i", "veth0", ...flags, ...RANGES];
      running.set(engine, promtaps.use(await RunningPromtap.start(namespace, args)));
    }
    const path = join(folder.path, "veth0");
    const tcpdump = startRecording(namespace, path);
    const ended = once(tcpdump, "close");
    await once(tcpdump.stderr!, "data");

    // Received frames, and sent ones.
    await send(namespace, "veth1", anyFrames(arbitrary, seeds), { gap: "200us" });
    await send(
      namespace,
      "veth0",
      anyFrames(
        arbitrary,
        seeds.map((seed) => seed + 100),
      ),
      { gap: "200us" },
    );

    const seen = (page: Page): number => page.sum("promacct_packet_size_bytes_all_count", 'interface="veth0"');
    // It counts while a frame is sent, so that its page has them all.
    const expected = seen(await counter.page());
    assert.ok(expected > FRAMES);
    const pages = new Map<string, Page>();
    for (const [engine, promtap] of running) {
      pages.set(engine, await promtap.pageWhere(`${engine} has all`, (page) => seen(page) >= expected));
    }
    const recorded = await until("the recording has all", async () => {
      const { status, stdout } = await runPromtap(undefined, ["--read", path, "--once", ...flags, ...RANGES]);
      const page = new Page(stdout);
      return status === 0 && seen(page) === expected && page;
    });
    tcpdump.kill();
    await ended;
    pages.set("savefile", recorded);
    const [first, ...others] = pages;
    for (const [engine, page] of others) assert.deepEqual(factsOf(page), factsOf(first![1]), `${engine}, ${first![0]}`);
  });
}
