import assert from "node:assert/strict";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";

const FRAMES = 40_000;
const FRAME = ipv4Frame({ source: "192.0.2.1", destination: "10.0.0.1", protocol: PROTOCOL_UDP, lengthBytes: 100 });
const ALL = "promacct_packet_size_bytes_all_count";
const ADDRESS = "promacct_packet_size_bytes_ipv4_rx_count";

/** Sends the frames to the far end of veth1, and has `change` done over and over meanwhile. */
async function sendWhile(namespace: Namespace, change: (round: number) => void): Promise<number> {
  let isSent = false;
  const sent = send(namespace, "veth1", [FRAME], { count: FRAMES, gap: "50us" }).finally(() => (isSent = true));
  let rounds = 0;
  while (!isSent) {
    change(rounds++);
    await new Promise(setImmediate);
  }
  await sent;
  return rounds;
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  const capture = (patterns: string) => ["--engine", engine, "-i", patterns, "-r", "10.0.0.0/24"];

  test(
    `engine ${engine} counts every packet of an interface that is renamed over and over`,
    engineOptions(engine),
    async () => {
      using namespace = new Namespace();
      namespace.addVeth("in0", "veth1");
      await using promtap = await RunningPromtap.start(namespace, capture("in*"));
      const rounds = await sendWhile(namespace, (round) => {
        namespace.ip("link", "set", `in${round}`, "name", `in${round + 1}`);
      });
      assert.ok(rounds > 10);
      const page = await promtap.pageWhere("all are counted", (page) => page.sum(ALL) >= FRAMES);
      assert.deepEqual([page.sum(ALL), page.sum(ADDRESS)], [FRAMES, FRAMES]);
      assert.equal(page.sum("promtap_interface_up"), 1);
    },
  );
}
