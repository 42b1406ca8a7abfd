import assert from "node:assert/strict";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_UDP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import type { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";

const FRAMES = 40_000;
const FRAME = ipv4Frame({ source: "192.0.2.1", destination: "10.0.0.1", protocol: PROTOCOL_UDP, lengthBytes: 100 });
const ROUNDS = 20;

/** What is counted of all interfaces, whatever they are called: for the interfaces, and for the address. */
function counted(page: Page): [all: number, ofAddress: number] {
  return [
    page.sum("promacct_packet_size_bytes_all_count"),
    page.sum("promacct_packet_size_bytes_ipv4_rx_count", 'ip="10.0.0.1"'),
  ];
}

/** The page when so many packets are counted, or more. */
function pageOf(promtap: RunningPromtap, packets: number): Promise<Page> {
  return promtap.pageWhere(`${packets} packets are counted`, (page) => counted(page)[0] >= packets);
}

function isUp(interfaceName: string): (page: Page) => boolean {
  return (page) => page.value(`promtap_interface_up{interface="${interfaceName}"}`) === 1;
}

/** A namespace with the pair in0 and veth1, and a promtap there that counts the interfaces whose names begin with "in". */
async function start(engine: string, parts: AsyncDisposableStack) {
  const namespace = parts.use(new Namespace());
  namespace.addVeth("in0", "veth1");
  const args = ["--engine", engine, "-i", "in*", "-r", "10.0.0.0/24"];
  return { namespace, promtap: parts.use(await RunningPromtap.start(namespace, args)) };
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  const options = engineOptions(engine);

  test(`engine ${engine} counts every packet of an interface that is renamed over and over`, options, async () => {
    await using parts = new AsyncDisposableStack();
    const { namespace, promtap } = await start(engine, parts);
    let isSent = false;
    const sent = send(namespace, "veth1", [FRAME], { count: FRAMES, gap: "50us" }).finally(() => (isSent = true));
    await pageOf(promtap, 1);
    let name = "in0";
    for (let round = 1; !isSent; round++) {
      // Every other name is one that is not captured: an interface may pass such on its way.
      const next = round % 2 === 0 ? `in${round}` : `other${round}`;
      namespace.ip("link", "set", name, "name", next);
      name = next;
      await new Promise(setImmediate);
    }
    await sent;
    namespace.ip("link", "set", name, "name", "in-the-end");
    await promtap.pageWhere("it is captured", isUp("in-the-end"));
    const page = await pageOf(promtap, FRAMES);
    assert.deepEqual(counted(page), [FRAMES, FRAMES]);
    assert.ok(page.value('promacct_packet_size_bytes_all_count{interface="in0"}')! > 0);
  });

  test(`engine ${engine} counts what came in before an interface went to another namespace`, options, async () => {
    await using parts = new AsyncDisposableStack();
    const { namespace, promtap } = await start(engine, parts);
    const other = parts.use(new Namespace());
    // What came in last is still in the ring when the interface goes.
    await send(namespace, "veth1", [FRAME], { count: FRAMES });
    namespace.ip("link", "set", "in0", "netns", other.name);
    assert.deepEqual(counted(await pageOf(promtap, FRAMES)), [FRAMES, FRAMES]);
    await promtap.pageWhere("it is gone", (page) => page.sum("promtap_interface_up") === 0);

    // Back, under the index that it had before.
    other.ip("link", "set", "in0", "netns", namespace.name);
    namespace.ip("link", "set", "in0", "up");
    await promtap.pageWhere("it is captured again", isUp("in0"));
    await namespace.carrier("veth1");
    await send(namespace, "veth1", [FRAME], { count: 100 });
    assert.deepEqual(counted(await pageOf(promtap, FRAMES + 100)), [FRAMES + 100, FRAMES + 100]);
  });

  test(`engine ${engine} counts what comes in while a bridge takes an interface and lets it go`, options, async () => {
    await using parts = new AsyncDisposableStack();
    const { namespace, promtap } = await start(engine, parts);
    namespace.ip("link", "add", "bridge0", "type", "bridge", "mcast_snooping", "0");
    namespace.ip("link", "set", "bridge0", "up", "arp", "off");
    for (let round = 0; round < ROUNDS; round++) {
      // As a bond does.
      namespace.ip("link", "set", "in0", "down");
      namespace.ip("link", "set", "in0", ...(round % 2 === 0 ? ["master", "bridge0"] : ["nomaster"]));
      namespace.ip("link", "set", "in0", "up");
      await namespace.carrier("veth1");
      await send(namespace, "veth1", [FRAME], { count: FRAMES / ROUNDS });
    }
    assert.deepEqual(counted(await pageOf(promtap, FRAMES)), [FRAMES, FRAMES]);
  });
}
