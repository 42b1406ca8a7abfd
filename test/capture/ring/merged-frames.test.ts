import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { before, describe, test } from "node:test";
import { Links } from "../../../src/capture/links.ts";
import { openRingEngine } from "../../../src/capture/ring/ring-engine.ts";
import type { Packet } from "../../../src/packet/packet.ts";
import { ipv6NextHeader } from "../../../src/packet/ipv6.ts";
import { isExtension } from "../../../src/packet/transport.ts";
import { hex } from "../../packet/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { enterPrivateNetwork } from "../private-network.ts";
import { type Merged, TunInterface } from "./tun-interface.ts";

const lackingTun = existsSync("/dev/net/tun") || process.env["CI"] ? false : "needs /dev/net/tun";
const MACS = "020000000002 020000000001";
const IPV4_TCP = "4500 0000 0000 4000 4006 0000 0a000001 0a000002";
const IPV4_OPTIONS_TCP = "4600 0000 0000 4000 4006 0000 0a000001 0a000002 01010101";
const IPV4_UDP = "4500 0000 0000 4000 4011 0000 0a000001 0a000002";
const IPV6_TCP = `6000 0000 0000 06 40 ${"20010db8 00000000 00000000 00000001".repeat(2)}`;
/** Twelve bytes of options. */
const TCP = `9c40 0009 00000001 00000001 8010 ffff 0000 0000 ${"01".repeat(12)}`;
const UDP = "9c40 0009 0000 0000";

const VIRTIO_NET_HDR_GSO_TCPV4 = 1;
const VIRTIO_NET_HDR_GSO_UDP = 3;
const VIRTIO_NET_HDR_GSO_TCPV6 = 4;
const VIRTIO_NET_HDR_GSO_UDP_L4 = 5;

/** What is recorded of a frame: its size, and headers and payload of the packets it stands for, or null. */
type Record = [lengthBytes: number, merged: [headerBytes: number, segmentBytes: number] | null];

class Recorder {
  readonly seen: Record[] = [];

  record({ lengthBytes }: Packet): void {
    this.seen.push([lengthBytes, null]);
  }

  recordIpv4(_source: number, _destination: number, _protocol: number, lengthBytes: number): boolean {
    this.seen.push([lengthBytes, null]);
    return true;
  }

  recordIpv6(view: DataView, at: number, lengthBytes: number): boolean {
    if (isExtension(ipv6NextHeader(view, at))) return false;
    this.seen.push([lengthBytes, null]);
    return true;
  }

  recordAggregated({ lengthBytes, headerBytes, segmentBytes }: Packet): void {
    this.seen.push([lengthBytes, [headerBytes, segmentBytes]]);
  }
}

interface Sample {
  what: string;
  ethernet: string;
  network: string;
  transport: string;
  payloadBytes: number;
  gso?: [type: number, size: number];
}

const ETHERNET_IPV4 = `${MACS} 0800`;
const SAMPLES: Sample[] = [
  { what: "a packet like any", ethernet: ETHERNET_IPV4, network: IPV4_TCP, transport: TCP, payloadBytes: 100 },
  {
    what: "IPv4 with TCP",
    ethernet: ETHERNET_IPV4,
    network: IPV4_TCP,
    transport: TCP,
    payloadBytes: 14_000,
    gso: [VIRTIO_NET_HDR_GSO_TCPV4, 1448],
  },
  {
    what: "IPv4 options before TCP",
    ethernet: ETHERNET_IPV4,
    network: IPV4_OPTIONS_TCP,
    transport: TCP,
    payloadBytes: 60_000,
    gso: [VIRTIO_NET_HDR_GSO_TCPV4, 1000],
  },
  {
    what: "IPv6 with TCP",
    ethernet: `${MACS} 86dd`,
    network: IPV6_TCP,
    transport: TCP,
    payloadBytes: 3000,
    gso: [VIRTIO_NET_HDR_GSO_TCPV6, 1428],
  },
  {
    what: "IPv4 with UDP",
    ethernet: ETHERNET_IPV4,
    network: IPV4_UDP,
    transport: UDP,
    payloadBytes: 5000,
    gso: [VIRTIO_NET_HDR_GSO_UDP_L4, 1200],
  },
];
const IN_VLAN: Sample[] = SAMPLES.map((sample) => ({
  ...sample,
  what: `${sample.what} in two VLANs`,
  ethernet: sample.ethernet.replace(MACS, `${MACS} 88a8 0007 8100 0008`),
}));
/** Fragments of UDP to be: what a virtio_net_hdr for us has no word for. */
const INEXPRESSIBLE: Sample = { ...SAMPLES[4]!, gso: [VIRTIO_NET_HDR_GSO_UDP, 1200] };

function bytesOf({ network, transport, payloadBytes }: Sample, link: string): Uint8Array {
  return Uint8Array.from([...hex(`${link} ${network} ${transport}`), ...new Uint8Array(payloadBytes)]);
}

function mergedOf({ network, transport, gso }: Sample, link: string): Merged | undefined {
  if (gso === undefined) return undefined;
  const checksumStart = hex(`${link} ${network}`).length;
  return { gsoType: gso[0], gsoSize: gso[1], checksumStart, checksumOffset: transport === UDP ? 6 : 16 };
}

function expectedOf({ network, transport, payloadBytes, gso }: Sample): Record {
  const headerBytes = hex(`${network} ${transport}`).length;
  return [headerBytes + payloadBytes, gso === undefined ? null : [headerBytes, gso[1]]];
}

/** Lets the samples come in on an interface of their own, and returns what the engine made of them. */
async function capture(kind: "tun" | "tap", samples: Sample[], wireSizes: boolean) {
  using tun = new TunInterface(`${kind}9`, kind);
  using links = Links.open();
  const recorder = new Recorder();
  const engine = await openRingEngine(links.find(`${kind}9`)!, { sink: recorder }, 1, { wireSizes });
  for (const sample of samples) {
    const link = kind === "tap" ? sample.ethernet : "";
    tun.receive(bytesOf(sample, link), mergedOf(sample, link));
  }
  await engine[Symbol.asyncDispose]();
  return { seen: recorder.seen, lost: engine.losses().packets };
}

describe("of frames that the kernel has merged", { skip: lacking("root", "ip") || lackingTun }, () => {
  before(enterPrivateNetwork);

  test("the ring engine tells with wire sizes how they are made, with a link header and without", async () => {
    const expected = SAMPLES.map(expectedOf);
    assert.deepEqual(await capture("tap", SAMPLES, true), { seen: expected, lost: 0 });
    assert.deepEqual(await capture("tap", IN_VLAN, true), { seen: expected, lost: 0 });
    assert.deepEqual(await capture("tun", SAMPLES, true), { seen: expected, lost: 0 });
  });

  test("it tells else those of TCP, and nothing of how they are made", async () => {
    const expected = SAMPLES.map((sample): Record => {
      const isKnown = sample.gso !== undefined && sample.transport === TCP;
      return [expectedOf(sample)[0], isKnown ? [0, 0] : null];
    });
    assert.deepEqual(await capture("tap", SAMPLES, false), { seen: expected, lost: 0 });
    assert.deepEqual(await capture("tun", SAMPLES, false), { seen: expected, lost: 0 });
  });

  test("those that the kernel cannot describe are lost with wire sizes, and counted as such", async () => {
    const samples = [SAMPLES[1]!, INEXPRESSIBLE, SAMPLES[0]!];
    const expected = [SAMPLES[1]!, SAMPLES[0]!].map(expectedOf);
    for (const kind of ["tap", "tun"] as const) {
      assert.deepEqual(await capture(kind, samples, true), { seen: expected, lost: 1 });
      const { seen, lost } = await capture(kind, samples, false);
      assert.deepEqual([seen.length, lost], [3, 0]);
    }
  });
});
