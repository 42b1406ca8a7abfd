import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { before, describe, test } from "node:test";
import type { Link } from "../../../src/capture/links.ts";
import { openRingEngine, ringKind } from "../../../src/capture/ring/ring-engine.ts";
import { ipv6NextHeader, readPlainIpv6 } from "../../../src/packet/ipv6.ts";
import { Packet, Verdict } from "../../../src/packet/packet.ts";
import { isExtension } from "../../../src/packet/transport.ts";
import { type Facts, facts, hex, IPV4, IPV4_FACTS, IPV6, IPV6_FACTS } from "../../packet/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { until } from "../../support/waiting.ts";
import { enterPrivateNetwork, findLink, ip } from "../private-network.ts";
import { TunInterface } from "./tun-interface.ts";

/** Containers often lack it. */
const lackingTun = existsSync("/dev/net/tun") || process.env["CI"] ? false : "needs /dev/net/tun";
const IPV4_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;

/** Remembers what every frame was. */
class Recorder {
  readonly seen: Facts[] = [];
  /** Headers and payload of the packets in each frame that stands for several, in bytes. */
  readonly aggregated: [number, number][] = [];

  record(packet: Packet): void {
    this.seen.push(facts(packet));
  }

  recordIpv4(source: number, destination: number, protocol: number, lengthBytes: number): boolean {
    const packet = new Packet();
    this.record(Object.assign(packet, { verdict: Verdict.IP, version: 4, source, destination, protocol, lengthBytes }));
    return true;
  }

  recordIpv6(view: DataView, at: number, lengthBytes: number): boolean {
    if (isExtension(ipv6NextHeader(view, at))) return false;
    const packet = new Packet();
    readPlainIpv6(packet, view, at, lengthBytes);
    this.record(packet);
    return true;
  }

  recordAggregated(packet: Packet): void {
    this.record(packet);
    this.aggregated.push([packet.headerBytes, packet.segmentBytes]);
  }
}

async function open(name: string, wireSizes = false) {
  const recorder = new Recorder();
  const engine = await openRingEngine(findLink(name), { sink: recorder }, 1, { wireSizes });
  return { engine, seen: recorder.seen };
}

/** Sends datagrams of these sizes to a port where nobody listens. */
async function sendDatagrams(...sizes: number[]): Promise<void> {
  const socket = createSocket("udp4");
  for (const size of sizes) {
    await new Promise((resolve) => socket.send(new Uint8Array(size), 9, "127.0.0.1", resolve));
  }
  await new Promise<void>((resolve) => socket.close(resolve));
}

function udpLengths(seen: readonly Facts[]): number[] {
  return seen.filter(({ protocol }) => protocol === 17).map(({ lengthBytes }) => lengthBytes);
}

describe("the ring engine", { skip: lacking("root", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
  });

  test("works on this host", async () => {
    assert.equal(await ringKind().probe(), undefined);
  });

  test("counts each packet on loopback once, with its length", async () => {
    const { engine, seen } = await open("lo");
    const sizes = [0, 1, 100, 1472, 65_000];
    await sendDatagrams(...sizes);
    const expected = sizes.map((size) => size + IPV4_HEADER_BYTES + UDP_HEADER_BYTES);
    await until("all packets are counted", () => {
      engine.sync();
      return udpLengths(seen).length >= sizes.length;
    });
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(udpLengths(seen), expected);
    assert.deepEqual(engine.losses(), { packets: 0 });
  });

  test("counts without being asked, and keeps the order", async () => {
    const { engine, seen } = await open("lo");
    const sizes = Array.from({ length: 1000 }, (_, index) => index);
    await sendDatagrams(...sizes);
    await until("all packets are counted", () => udpLengths(seen).length >= 1000);
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(
      udpLengths(seen),
      sizes.map((size) => size + IPV4_HEADER_BYTES + UDP_HEADER_BYTES),
    );
  });

  test("counts what came before it was closed, and may be closed and asked again", async () => {
    const { engine, seen } = await open("lo");
    await sendDatagrams(1, 2, 3);
    await engine[Symbol.asyncDispose]();
    assert.equal(udpLengths(seen).length, 3);
    engine.sync();
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(engine.losses(), { packets: 0 });
    await sendDatagrams(4);
    assert.equal(udpLengths(seen).length, 3);
  });

  test("counts into another sink from then on, and keeps what comes while it has none", async () => {
    const first = new Recorder();
    const second = new Recorder();
    const engine = await openRingEngine(findLink("lo"), { sink: first }, 1);
    await sendDatagrams(1, 2);
    await until("the first packets are counted", () => udpLengths(first.seen).length === 2);
    engine.retarget(undefined);
    await sendDatagrams(3);
    engine.sync();
    engine.retarget({ sink: second });
    await sendDatagrams(4);
    await engine[Symbol.asyncDispose]();
    const sizesOf = (recorder: Recorder) =>
      udpLengths(recorder.seen).map((length) => length - IPV4_HEADER_BYTES - UDP_HEADER_BYTES);
    assert.deepEqual(
      [sizesOf(first), sizesOf(second)],
      [
        [1, 2],
        [3, 4],
      ],
    );
  });

  test("counts nothing of what came while it had no sink, closed without one", async () => {
    const recorder = new Recorder();
    const engine = await openRingEngine(findLink("lo"), { sink: recorder }, 1);
    engine.retarget(undefined);
    await sendDatagrams(1);
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(udpLengths(recorder.seen), []);
  });

  test("reads packets of an interface without a link header", { skip: lackingTun }, async () => {
    using tun = new TunInterface("tun1");
    assert.equal(findLink("tun1").isEthernet, false);
    const { engine, seen } = await open("tun1");
    tun.receive(hex(IPV4));
    tun.receive(Uint8Array.from([...hex(IPV4), ...new Uint8Array(1000)]));
    tun.receive(hex(IPV6));
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(
      seen.filter(({ verdict }) => verdict === Verdict.IP),
      [IPV4_FACTS, { ...IPV4_FACTS, lengthBytes: 1020 }, IPV6_FACTS],
    );
  });

  test("says which interface it could not open, and why", async () => {
    const gone: Link = {
      name: "gone0",
      altNames: [],
      index: 9999,
      isUp: true,
      isLoopback: false,
      hardwareType: 1,
      isEthernet: true,
      kind: "",
      masterIndex: 0,
      lowerIndex: 0,
    };
    await assert.rejects(openRingEngine(gone, { sink: new Recorder() }, 1), {
      name: "PromtapError",
      code: "HOST",
      message: "couldn't open gone0: couldn't bind to it: no such device",
    });
  });

  test("goes on counting when its interface was down", async () => {
    const { engine, seen } = await open("lo");
    await sendDatagrams(1);
    await until("the first packet is counted", () => udpLengths(seen).length === 1);
    ip("link set lo down");
    ip("link set lo up");
    await sendDatagrams(2);
    await until("the second packet is counted", () => udpLengths(seen).length === 2);
    await engine[Symbol.asyncDispose]();
  });
});
