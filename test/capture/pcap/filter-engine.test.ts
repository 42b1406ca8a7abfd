import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { before, describe, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { LiveFilter } from "../../../src/capture/pcap/live-filter.ts";
import { pcapKind, pcapKindOf } from "../../../src/capture/pcap/pcap-engine.ts";
import { FilterEngine } from "../../../src/capture/pcap/filter-engine.ts";
import { RingShares } from "../../../src/capture/ring/ring-shares.ts";
import { ErrorCode, PromtapError } from "../../../src/errors.ts";
import { type Packet, Verdict } from "../../../src/packet/packet.ts";
import { type Facts, facts, hex, IPV4, IPV4_FACTS, IPV6, IPV6_FACTS } from "../../packet/frames.ts";
import { type Frame, ipv4Frame, PROTOCOL_UDP } from "../../support/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { until } from "../../support/waiting.ts";
import { LinkNews } from "../link-news.ts";
import { enterPrivateNetwork, findLink, ip, promiscuity } from "../private-network.ts";
import { TunInterface } from "../ring/tun-interface.ts";
import { EXPRESSIONS, FRAMES, indexOf } from "./filtered-frames.ts";
import { LiveTcpdump } from "./live-tcpdump.ts";

const MIB = 2 ** 20;
/** ARPHRD_ types. */
const PPP = 512;
const CAN = 280;
const IEEE80211_RADIOTAP = 803;

/** Keeps what it is given. */
class Recorder {
  readonly frames: Buffer[] = [];
  readonly facts: Facts[] = [];
  readonly times: number[] = [];

  record(packet: Packet, bytes: Uint8Array, end: number, atSeconds: number): void {
    // Where it begins is not told: before the packet there is nothing, an Ethernet header, or one more tag.
    const start = [14, 18].map((size) => packet.networkOffset - size).find((at) => hasAddress(bytes, at));
    this.frames.push(Buffer.from(bytes.slice(start ?? packet.networkOffset, end)));
    this.facts.push(facts(packet));
    this.times.push(atSeconds);
  }
}

/** Whether bytes[at, ...) begin with the address that frames of tests go to. */
function hasAddress(bytes: Uint8Array, at: number): boolean {
  return Buffer.from(bytes.subarray(at, at + 6)).toString("hex") === "020000000001";
}

/** An engine that keeps frames. */
async function open(name: string, expression: string, { shares = new RingShares(), siblings = 1 } = {}) {
  const recorder = new Recorder();
  const link = findLink(name);
  const program = new LiveFilter({ flag: "wialon-filter", expression }).programFor(link);
  const record = (sink: Recorder, ...packet: Parameters<Recorder["record"]>): void => sink.record(...packet);
  const engine = await FilterEngine.open({ link, program, record, shares }, recorder, siblings);
  return Object.assign(engine, { recorder });
}

function udp(index: number, lengthBytes = 64): Frame {
  const frame = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_UDP, lengthBytes });
  frame.bytes.splice(10, 2, (index >> 8) & 0xff, index & 0xff);
  return frame;
}

/** Memory of packet sockets that this process has mapped, as the kernel lists it. */
function mappedBytes(): number {
  const sockets = readFileSync("/proc/self/maps", "utf8").matchAll(/^(\w+)-(\w+) .* socket:\[\d+\]$/gm);
  return [...sockets].reduce((sum, [, start, end]) => sum + parseInt(end!, 16) - parseInt(start!, 16), 0);
}

const options = { skip: lacking("root", "ip", "libpcap", "tcpdump", "/dev/net/tun") };

async function assertSameRefusal(opened: Promise<unknown>, { errors }: LiveTcpdump): Promise<void> {
  await assert.rejects(opened, ({ message }) => errors.includes(message.split(": ").at(-1)));
}

/** Fails if the event loop turns all the time, though nothing happens. */
async function assertRests(): Promise<void> {
  const before = performance.nodeTiming.uvMetricsInfo.loopCount;
  await pause(200);
  const turns = performance.nodeTiming.uvMetricsInfo.loopCount - before;
  assert.ok(turns < 1000, `${turns} turns of the event loop`);
}

describe("an engine on an interface", options, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
  });

  test("takes the frames that tcpdump takes, of an interface with VLAN tags", async () => {
    await using parts = new AsyncDisposableStack();
    using tap0 = new TunInterface("tap0", "tap");
    const expressions = [...EXPRESSIONS, ""];
    const engines = [];
    for (const expression of expressions) {
      const shown = parts.use(await LiveTcpdump.start("tap0", expression));
      const opened = open("tap0", expression, { siblings: expressions.length });
      if (shown.hasEnded) await assertSameRefusal(opened, shown);
      else engines.push({ expression, shown, engine: parts.use(await opened) });
    }
    assert.ok(engines.length >= expressions.length - 1);
    for (const { bytes } of FRAMES) tap0.receive(Uint8Array.from(bytes));
    for (const { expression, shown, engine } of engines) {
      await engine[Symbol.asyncDispose]();
      const taken = engine.recorder.frames.map(indexOf);
      assert.deepEqual(taken, (await shown.stop(taken.length)).map(indexOf), expression);
      assert.deepEqual(engine.losses(), { packets: 0 });
    }
  });

  for (const [what, hardwareType] of [
    ["without link headers", undefined],
    ["whose link headers the kernel takes off", PPP],
  ] as const) {
    test(`takes the packets that tcpdump takes, of an interface ${what}`, async () => {
      await using parts = new AsyncDisposableStack();
      using tun0 = new TunInterface("tun0", "tun", hardwareType);
      const expressions = ["tcp port 9", "ip6 protochain 6", "protochain 17", "not ip", "ip[8] = 64"];
      const packets = FRAMES.map(({ bytes }) => bytes.slice(14)).filter(([first]) => first === 0x45 || first === 0x60);
      const engines = [];
      for (const expression of expressions) {
        const shown = parts.use(await LiveTcpdump.start("tun0", expression));
        engines.push({ expression, shown, engine: parts.use(await open("tun0", expression, { siblings: 8 })) });
      }
      for (const packet of packets) tun0.receive(Uint8Array.from(packet));
      for (const { expression, shown, engine } of engines) {
        await engine[Symbol.asyncDispose]();
        const taken = engine.recorder.frames.map((packet) => packet.toString("hex"));
        const shownPackets = (await shown.stop(taken.length)).map((frame) => frame.toString("hex"));
        // A header that libpcap makes up stands before those of cooked capture.
        assert.deepEqual(
          taken,
          shownPackets.map((frame) => frame.slice(hardwareType === undefined ? 0 : 32)),
          expression,
        );
      }
    });
  }

  // tcpdump filters the first packets itself, which can't tell it (pcap_setfilter_linux in libpcap's pcap-linux.c).
  for (const [expression, sent, received] of [
    ["inbound", 0, 1],
    ["outbound", 1, 0],
    ["outbound or ip6 protochain 6", 1, 0],
    ["inbound and not ip6 protochain 6", 0, 1],
    ["ifindex 1", 0, 0],
  ] as const) {
    test(`takes what comes or goes, as ${expression} says`, async () => {
      using tun0 = new TunInterface("tun0");
      ip("address add 10.0.0.2/24 dev tun0");
      await using engine = await open("tun0", expression);
      const socket = createSocket("udp4");
      await new Promise((resolve) => socket.send("sent", 9, "10.0.0.1", resolve));
      socket.close();
      tun0.receive(Uint8Array.from(udp(1).bytes.slice(14)));
      await engine[Symbol.asyncDispose]();
      const lengths = engine.recorder.facts
        .map(({ lengthBytes }) => lengthBytes)
        .filter((length) => [32, 64].includes(length));
      assert.deepEqual(lengths, [...Array<number>(sent).fill(32), ...Array<number>(received).fill(64)]);
    });
  }

  test("finds IP in what a monitor of 802.11 shows", async () => {
    const header = "00 00 08 00 00 00 00 00  88 01 2c 00 020000000002 020000000001 020000000003 2000 0000";
    using monitor = new TunInterface("mon0", "tap", IEEE80211_RADIOTAP);
    await using tap = await open("mon0", "");
    monitor.receive(hex(`${header} aaaa03 000000 0800 ${IPV4}`));
    monitor.receive(hex(`${header} aaaa03 000000 86dd ${IPV6}`));
    monitor.receive(hex(`${header.replace("88 01", "88 41")} aaaa03 000000 0800 ${IPV4}`));
    await tap[Symbol.asyncDispose]();
    const protectedFacts = { verdict: Verdict.NOT_IP, lengthBytes: 26 + 8 + 20 };
    assert.deepEqual(tap.recorder.facts, [IPV4_FACTS, IPV6_FACTS, protectedFacts]);
  });

  test("takes whole frames, merged ones too, with their length and the kernel's time, and loopback's once", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    const startSeconds = Date.now() / 1000;
    await using engine = await open("tap0", "tcp");
    await using loopback = await open("lo", "udp port 9");
    const merged = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: 6, lengthBytes: 65_000 });
    tap0.receive(Uint8Array.from(merged.bytes), { gsoType: 1, gsoSize: 1400, checksumStart: 34, checksumOffset: 16 });
    const socket = createSocket("udp4");
    await new Promise((resolve) => socket.send(Buffer.alloc(60_000), 9, "127.0.0.1", resolve));
    socket.close();
    await until("both are taken", () => engine.recorder.frames.length > 0 && loopback.recorder.frames.length > 0);
    await engine[Symbol.asyncDispose]();
    await loopback[Symbol.asyncDispose]();
    assert.deepEqual(engine.recorder.frames, [Buffer.from(merged.bytes)]);
    assert.deepEqual(
      [engine.recorder.facts[0]!.lengthBytes, loopback.recorder.facts[0]!.lengthBytes],
      [65_000, 60_028],
    );
    assert.equal(loopback.recorder.frames.length, 1);
    for (const { recorder } of [engine, loopback]) {
      assert.ok(recorder.times[0]! >= startSeconds && recorder.times[0]! <= Date.now() / 1000 + 0.001);
    }
  });

  test("takes of a frame what is wanted of it, if that is not all", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    const link = findLink("tap0");
    const recorder = new Recorder();
    const kind = pcapKindOf<Recorder>(
      { flag: "pcap.filter", expression: "udp" },
      (sink, ...packet) => sink.record(...packet),
      100,
    );
    const engine = await kind.open(link, recorder, 1);
    tap0.receive(Uint8Array.from(udp(1, 1400).bytes));
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(
      recorder.frames.map((frame) => frame.length),
      [100],
    );
    assert.equal(recorder.facts[0]!.lengthBytes, 1400);
  });

  test("is refused before the interface is touched, if the filter can't be had there", async () => {
    using tun0 = new TunInterface("tun0");
    using can0 = new TunInterface("can0", "tun", CAN);
    using ppp0 = new TunInterface("ppp0", "tun", PPP);
    assert.ok(tun0 !== undefined && can0 !== undefined && ppp0 !== undefined);
    using news = new LinkNews();
    for (const [name, expression] of [
      ["tun0", "ether host 02:00:00:00:00:01"],
      ["can0", "tcp port 20332"],
      ["ppp0", "link[6] = 1"],
    ] as const) {
      await assert.rejects(open(name, expression), (error) => {
        assert.ok(error instanceof PromtapError);
        assert.equal(error.code, ErrorCode.HOST);
        assert.ok(error.message.startsWith(`couldn't open ${name}: --wialon-filter ${JSON.stringify(expression)} `));
        return true;
      });
    }
    assert.equal(news.take(), 0);
    assert.equal(promiscuity("tun0"), 0);
  });

  test("is promiscuous as long as it is open, and holds no memory then", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    assert.ok(tap0 !== undefined);
    await using engine = await open("tap0", "");
    assert.equal(promiscuity("tap0"), 1);
    assert.equal(mappedBytes(), 16 * MIB);
    await engine[Symbol.asyncDispose]();
    assert.equal(promiscuity("tap0"), 0);
    assert.equal(mappedBytes(), 0);
  });

  test("goes on when the interface was down, and has nothing to do meanwhile", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    await using engine = await open("tap0", "udp");
    ip("link set tap0 down");
    await assertRests();
    ip("link set tap0 up");
    tap0.receive(Uint8Array.from(udp(1).bytes));
    await until("the packet is taken", () => engine.recorder.frames.length === 1);
    await engine[Symbol.asyncDispose]();
  });

  test("gives what comes to the next sink, and waits for one without a turn of the event loop", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    await using engine = await open("tap0", "udp");
    const next = new Recorder();
    tap0.receive(Uint8Array.from(udp(1).bytes));
    await until("it is taken", () => engine.recorder.frames.length === 1);
    engine.retarget(undefined);
    tap0.receive(Uint8Array.from(udp(2).bytes));
    await assertRests();
    engine.sync();
    engine.retarget(next);
    await until("it is taken by the next", () => next.frames.length === 1);
    await engine[Symbol.asyncDispose]();
    assert.deepEqual([...engine.recorder.frames, ...next.frames].map(indexOf), [1, 2]);
  });

  test("takes every packet while its ring becomes smaller and larger", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    const shares = new RingShares(2 * MIB);
    await using engine = await open("tap0", "udp", { shares });
    assert.equal(mappedBytes(), 2 * MIB);
    const others: AsyncDisposable[] = [];
    let sent = 0;
    const sendSome = (): void => {
      for (let count = 0; count < 50; count++) tap0.receive(Uint8Array.from(udp(sent++).bytes));
    };
    const sending = setInterval(sendSome, 1);
    for (const siblings of [2, 3, 4]) others.push(await open("lo", "", { shares, siblings }));
    assert.ok(mappedBytes() <= 2 * MIB);
    for (const other of others) await other[Symbol.asyncDispose]();
    await shares.grow(engine);
    clearInterval(sending);
    await engine[Symbol.asyncDispose]();
    const taken = new Set(engine.recorder.frames.map(indexOf));
    assert.equal(taken.size, sent);
    // One that comes just when the ring changes may be in both.
    assert.ok(engine.recorder.frames.length - sent <= 4, `${engine.recorder.frames.length} of ${sent}`);
    assert.deepEqual(engine.losses(), { packets: 0 });
    assert.equal(mappedBytes(), 0);
  });

  test("has its ring doubled when that is half full, and counts what did not find room", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    await using engine = await open("tap0", "udp", { siblings: 1024 });
    assert.equal(mappedBytes(), 64 * 1024);
    const frames = 1000;
    for (let count = 0; count < frames; count++) tap0.receive(Uint8Array.from(udp(count, 1400).bytes));
    engine.sync();
    const lost = engine.losses().packets;
    assert.ok(lost > 0);
    await until("all are taken", () => engine.recorder.frames.length + lost === frames);
    await until("the ring is larger", () => mappedBytes() >= 128 * 1024);
    await engine[Symbol.asyncDispose]();
    assert.equal(engine.losses().packets, lost);
  });

  test("has its ring enlarged for frames that are larger than its blocks", async () => {
    using tap0 = new TunInterface("tap0", "tap");
    await using engine = await open("tap0", "tcp", { siblings: 1024 });
    const merged = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: 6, lengthBytes: 65_000 });
    const send = (): void =>
      tap0.receive(Uint8Array.from(merged.bytes), { gsoType: 1, gsoSize: 1400, checksumStart: 34, checksumOffset: 16 });
    send();
    await until("it is taken, in part", () => engine.recorder.frames.length === 1);
    assert.equal(engine.recorder.facts[0]!.lengthBytes, 65_000);
    assert.ok(engine.recorder.frames[0]!.length < 65_000);
    await until("one is taken whole", () => {
      send();
      return engine.recorder.frames.some(({ length }) => length === merged.bytes.length);
    });
  });
});

describe("the engine pcap", options, () => {
  for (const expression of ["udp and", "tcp prot 20332", "inbound and or"]) {
    test(`refuses an illegal filter as a mistake in the command, in libpcap's words: ${expression}`, async () => {
      await assert.rejects(pcapKind(expression).probe(), {
        code: ErrorCode.USAGE,
        message: /^invalid --pcap.filter ".*": can't parse filter expression: syntax error; legal is an expression of/,
      });
    });
  }

  for (const expression of ["", "udp", "inbound", "wlan type mgt", "ip6 protochain 17"]) {
    test(`takes what is legal on some kind of link: ${expression}`, async () => {
      assert.equal(await pcapKind(expression).probe(), undefined);
    });
  }
});
