import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Exporter } from "../../src/flows/exporter.ts";
import { Verdict } from "../../src/flows/verdict.ts";
import { ipv4Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { type Bytes, expandedSample, flowSample, hex, opaque, rawHeader, Reading, sflow, u32 } from "./datagrams.ts";

const ETHERNET = 1;
const IPV4 = 11;
const IPV6 = 12;
const MPLS = 13;

const FRAME = [
  ...ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 1486 }).bytes,
];
/** The first bytes of it, as agents send them: the frame has 1504 with its header and its check sequence. */
const RAW = rawHeader(ETHERNET, 1504, 4, FRAME.slice(0, 128));

/** ASes of the path as segments: a sequence each. */
function gateway(own: number, source: number, peer: number, ...segments: readonly (readonly number[])[]): Bytes {
  const path = segments.flatMap((segment) => [...u32(2), ...u32(segment.length), ...segment.flatMap(u32)]);
  const communities = [...u32(1), ...u32(0xfbf4_0001), ...u32(100)];
  const nextHop = [...u32(1), ...hex("0a0000fe")];
  return opaque(1003, nextHop, u32(own), u32(source), u32(peer), u32(segments.length), path, communities);
}

describe("sFlow v5", () => {
  test("is read: a sample of a header counts the bytes of the IP packet", () => {
    const reading = new Reading();
    assert.equal(reading.read(sflow([flowSample([RAW]), expandedSample([RAW], { input: 70_000 })])), Verdict.READ);
    const flow = { bytes: 1486, packets: 1, output: 7, protocol: 6, interval: 512 };
    assert.deepEqual(reading.take(), [
      { ...flow, input: 3 },
      { ...flow, input: 70_000 },
    ]);
    assert.deepEqual([...reading.exporter.records], [0, 0, 0, 2]);
  });

  test("is read with headers of other links, and of none that is known", () => {
    const packet = FRAME.slice(14, 60);
    const reading = new Reading();
    const mpls = [...hex("00064140"), ...packet];
    const headers = [rawHeader(IPV4, 1486, 0, packet), rawHeader(MPLS, 1490, 0, mpls), rawHeader(99, 777, 0, packet)];
    reading.read(sflow(headers.map((header) => flowSample([header]))));
    assert.deepEqual(
      reading.take().map(({ bytes, protocol }) => [bytes, protocol]),
      [
        [1486, 6],
        [1486, 6],
        [777, undefined],
      ],
    );
  });

  test("is read with ports, flags and the class of service of a header, as far as it has them", () => {
    const reading = new Reading({ hasPorts: true });
    const ipv4 = (flags: string, protocol: string, rest: string): Bytes =>
      hex(`45b80064 0001${flags} 40${protocol}0000 0a000001 0a000002 ${rest}`);
    const ipv6 = (next: string, rest: string): Bytes =>
      hex(`6b800000 0040${next}40 20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002 ${rest}`);
    const tcp = "c00101bb 00000001 00000002 501b0000 00000000";
    const headers = [
      [IPV4, ipv4("0000", "06", tcp)],
      [IPV4, ipv4("0001", "06", tcp)],
      [IPV4, ipv4("0000", "06", "c00101bb 00000001")],
      [IPV4, ipv4("2000", "11", "c00101bb 00080000")],
      [IPV4, ipv4("0000", "01", "08000000 00000000")],
      [IPV4, ipv4("0000", "11", "c001")],
      [IPV6, ipv6("06", tcp)],
      [IPV6, ipv6("00", `1100000000000000 c00101bb 00080000`)],
    ] as const;
    reading.read(sflow(headers.map(([kind, header]) => flowSample([rawHeader(kind, 100, 0, header)]))));
    assert.deepEqual(
      reading.take().map((flow) => [flow.source_port, flow.destination_port, flow.tcp_flags, flow.tos]),
      [
        [49_153, 443, 0x1b, 184],
        [undefined, undefined, undefined, 184],
        [49_153, 443, undefined, 184],
        [49_153, 443, undefined, 184],
        [undefined, undefined, undefined, 184],
        [undefined, undefined, undefined, 184],
        [49_153, 443, 0x1b, 184],
        [49_153, 443, undefined, 184],
      ],
    );
  });

  test("is read with the ASes of the gateway: what has none is in its own", () => {
    const reading = new Reading();
    const samples = [
      gateway(64_500, 0, 0, [6939, 3356], [64_501, 64_502]),
      gateway(64_500, 15_169, 6939),
      gateway(64_500, 15_169, 6939, []),
    ];
    reading.read(sflow(samples.map((record) => flowSample([RAW, record]))));
    assert.deepEqual(
      reading
        .take()
        .map((flow) => [flow.source_as, flow.destination_as, flow.peer_source_as, flow.peer_destination_as]),
      [
        [64_500, 64_502, undefined, 6939],
        [15_169, 64_500, 6939, undefined],
        [15_169, 64_500, 6939, undefined],
      ],
    );
  });

  test("is read with what the agent has parsed itself, and with VLANs", () => {
    const reading = new Reading();
    const addresses4 = hex("0a000001 0a000002");
    const addresses6 = hex("20010db8 00000000 00000000 00000001 20010db8 00000000 00000000 00000002");
    const rest = [443, 50_000, 0x1b, 184].flatMap(u32);
    const vlan = opaque(1001, [100, 0, 200, 0].flatMap(u32));
    const ipv4 = opaque(3, u32(600), u32(6), addresses4, rest);
    const ipv6 = opaque(4, u32(700), u32(17), addresses6, rest);
    reading.read(sflow([flowSample([ipv4, vlan]), flowSample([ipv6]), flowSample([vlan])]));
    const common = { packets: 1, input: 3, output: 7, interval: 512 };
    const transport = { source_port: 443, destination_port: 50_000, tcp_flags: 0x1b, tos: 184 };
    assert.deepEqual(reading.take(), [
      { ...common, ...transport, bytes: 600, protocol: 6, vlan: 100 },
      { ...common, ...transport, bytes: 700, protocol: 17 },
    ]);
    assert.equal(reading.uncounted, 1);
  });

  test("has interfaces that are none, and samples that are of no flow", () => {
    const reading = new Reading();
    const several = 0x8000_0005;
    const dropped = 0x4000_0001;
    const counters = opaque(2, u32(1), u32(3), u32(0));
    const foreign = opaque((4413 << 12) | 1, u32(1));
    const interfaces = [several, dropped, 0x3fff_ffff].map((output) => flowSample([RAW], { output }));
    assert.equal(reading.read(sflow([counters, foreign, ...interfaces])), Verdict.READ);
    assert.deepEqual(
      reading.take().map(({ input, output }) => [input, output]),
      [
        [3, undefined],
        [3, undefined],
        [3, undefined],
      ],
    );
  });

  test("counts datagrams by its sequence, for each sub-agent", () => {
    const reading = new Reading();
    for (const sequence of [1, 2, 5]) reading.read(sflow([], { sequence, domain: 1 }));
    for (const sequence of [1, 2, 3]) reading.read(sflow([], { sequence, domain: 2 }));
    assert.deepEqual(
      [...reading.exporter.domains.values()].map(({ sequence }) => sequence.lost),
      [2, 0],
    );
  });

  test("is truncated or malformed at every shorter length", () => {
    const datagram = sflow([flowSample([RAW, gateway(1, 2, 3, [4, 5])]), expandedSample([RAW])]);
    for (let length = 0; length < datagram.length; length++) {
      const verdict = new Reading().read(datagram.slice(0, length));
      assert.equal(verdict, Verdict.TRUNCATED, `of ${length} bytes`);
    }
  });

  test("is malformed if something in a sample is longer than that", () => {
    const inner = [...gateway(1, 2, 3, [4, 5])];
    const lying = (at: number): Bytes => inner.toSpliced(at, 4, ...u32(0xffff_fff0));
    // The length of the record, of the path, and of its segment.
    for (const at of [4, 28, 36]) assert.equal(new Reading().read(sflow([flowSample([lying(at)])])), Verdict.MALFORMED);
    const header = RAW.toSpliced(20, 4, ...u32(0x7fff_ffff));
    assert.equal(new Reading().read(sflow([flowSample([header])])), Verdict.MALFORMED);
  });

  test("of other versions, or with an agent of no address, is refused", () => {
    assert.equal(new Reading().read([...u32(4), ...u32(1), ...Array<number>(40).fill(0)]), Verdict.VERSION);
    assert.equal(new Reading().read([...u32(5), ...u32(3), ...Array<number>(40).fill(0)]), Verdict.MALFORMED);
  });

  test("counts for many exporters together, of which nothing is kept", () => {
    const reading = new Reading();
    const other = new Exporter(null);
    assert.equal(reading.read(sflow([flowSample([RAW])]), other), Verdict.READ);
    assert.deepEqual([reading.take().length, other.domains.size, reading.room.domains], [1, 0, 0]);
  });
});

/** A sample of the counters of port 3, whose name is "eth1". */
const PORT = opaque(2, u32(1), u32(3), u32(1), opaque(1005, u32(4), hex("65746831")));

describe("packets that are reported where they come in and where they go out", () => {
  const ingress = (input: number, output: number): Bytes => flowSample([RAW], { source: input, input, output });
  const egress = (input: number, output: number): Bytes => flowSample([RAW], { source: output, input, output });

  test("count once, and those that are reported where they go out alone count as well", () => {
    const reading = new Reading();
    reading.read(sflow([ingress(1, 2), egress(1, 2), egress(3, 2), egress(0, 2), egress(5, 5)]));
    assert.deepEqual(
      reading.take().map(({ input = 0 }) => input),
      [1, 3, 0, 5],
    );
    assert.equal(reading.repeated, 1);
  });

  test("count as the user says, and those that don't tell where they were taken in any case", () => {
    const elsewhere = flowSample([RAW], { source: 9, input: 7, output: 8 });
    const inputs = { ingress: [1, 7], egress: [1, 3, 7], both: [1, 1, 3, 7] } as const;
    for (const [direction, expected] of Object.entries(inputs)) {
      const reading = new Reading({ direction: direction as keyof typeof inputs });
      reading.read(sflow([ingress(1, 2), egress(1, 2), egress(3, 2), elsewhere]));
      assert.deepEqual(
        reading.take().map(({ input }) => input),
        expected,
        direction,
      );
      assert.equal(reading.repeated, 4 - expected.length, direction);
    }
  });

  test("are not told by a source that is no interface, or by none", () => {
    const reading = new Reading();
    const ofVlan = 0x0100_0000;
    reading.read(sflow([ingress(1, 2), flowSample([RAW], { source: ofVlan | 2, input: 1, output: 2 })]));
    reading.read(sflow([flowSample([RAW], { source: 0, input: 1, output: 0 })]));
    assert.deepEqual([reading.take().length, reading.repeated], [3, 0]);
  });

  test("count all of what has no place of its own: nobody knows whose interface it is", () => {
    const reading = new Reading();
    const others = new Exporter(null);
    reading.read(sflow([ingress(1, 2)]), others);
    reading.read(sflow([egress(1, 2)]), others);
    assert.deepEqual([reading.take().length, reading.repeated], [2, 0]);
  });

  test("are those of one exporter", () => {
    const reading = new Reading();
    reading.read(sflow([ingress(1, 2)]));
    reading.read(sflow([egress(1, 2)]), new Exporter(reading.room));
    assert.deepEqual([reading.take().length, reading.repeated], [2, 0]);
  });
});

test("any bytes behind the version of sFlow are a verdict", () => {
  let seed = 1;
  const random = (): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0) >>> 16;
  const whole = sflow([flowSample([RAW, gateway(1, 2, 3, [4, 5])]), expandedSample([RAW]), PORT]);
  const reading = new Reading();
  for (let k = 0; k < 20_000; k++) {
    const bytes = [...whole];
    for (let change = 0; change <= k % 4; change++) bytes[8 + (random() % (bytes.length - 8))] = random() & 0xff;
    assert.ok(Object.values<number>(Verdict).includes(reading.read(bytes.slice(0, random() % (bytes.length + 1)))));
    reading.flows.length = 0;
  }
});
