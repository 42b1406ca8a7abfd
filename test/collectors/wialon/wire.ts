/*
 * Frames of connections, made from text, sharing nothing with what reads them.
 */
import { WialonCollector } from "../../../src/collectors/wialon/wialon.ts";
import { WialonMonitor } from "../../../src/collectors/wialon/monitor.ts";
import { Tally } from "../../../src/collectors/wialon/tally.ts";
import { LINKTYPE_ETHERNET } from "../../../src/packet/link/link-types.ts";
import { Packet } from "../../../src/packet/packet.ts";
import { parseFrame } from "../../../src/packet/parse.ts";
import { Format } from "../../../src/page/negotiation.ts";
import { makePage } from "../../../src/page/page.ts";
import { Page } from "../../support/page.ts";

export const FIN = 0x01;
export const SYN = 0x02;
export const RST = 0x04;
export const ACK = 0x10;

export interface Fields {
  source: string;
  destination: string;
  sourcePort: number;
  destinationPort: number;
  payload: Buffer;
  /** Of TCP; a datagram has none. */
  tcp?: { sequence: number; acknowledgment: number; flags: number };
}

/** An Ethernet frame, padded to 60 bytes as on a wire. */
export function frameOf({ source, destination, sourcePort, destinationPort, payload, tcp }: Fields): Buffer {
  const isIpv6 = source.includes(":");
  const transport = Buffer.alloc(tcp === undefined ? 8 : 24);
  transport.writeUInt16BE(sourcePort, 0);
  transport.writeUInt16BE(destinationPort, 2);
  if (tcp === undefined) {
    transport.writeUInt16BE(8 + payload.length, 4);
  } else {
    transport.writeUInt32BE(tcp.sequence >>> 0, 4);
    transport.writeUInt32BE(tcp.acknowledgment >>> 0, 8);
    // 24 bytes of header: an option of 4.
    transport[12] = 6 << 4;
    transport[13] = tcp.flags;
  }
  const protocol = tcp === undefined ? 17 : 6;
  const network = isIpv6
    ? ipv6Header(source, destination, protocol, transport.length + payload.length)
    : ipv4Header(source, destination, protocol, transport.length + payload.length);
  const ethernet = Buffer.from([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, ...(isIpv6 ? [0x86, 0xdd] : [8, 0])]);
  const frame = Buffer.concat([ethernet, network, transport, payload]);
  return Buffer.concat([frame, Buffer.alloc(Math.max(0, 60 - frame.length), "#P#\r\n")]);
}

function ipv4Header(source: string, destination: string, protocol: number, payloadBytes: number): Buffer {
  const header = Buffer.from([0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, protocol, 0, 0, ...ipv4(source), ...ipv4(destination)]);
  header.writeUInt16BE(20 + payloadBytes, 2);
  return header;
}

function ipv6Header(source: string, destination: string, protocol: number, payloadBytes: number): Buffer {
  const header = Buffer.from([0x60, 0, 0, 0, 0, 0, protocol, 64, ...ipv6(source), ...ipv6(destination)]);
  header.writeUInt16BE(payloadBytes, 4);
  return header;
}

function ipv4(text: string): number[] {
  return text.split(".").map(Number);
}

/** Takes addresses such as fd00::1. */
function ipv6(text: string): number[] {
  const [head = "", tail = ""] = text.split("::");
  const words = (part: string) =>
    part
      .split(":")
      .filter(Boolean)
      .flatMap((word) => word.padStart(4, "0").match(/../g)!);
  const [left, right] = [words(head), words(tail)];
  const zeros = Array.from({ length: 16 - left.length - right.length }, () => "00");
  return [...left, ...zeros, ...right].map((byte) => Number.parseInt(byte, 16));
}

/** A monitor that is shown frames, and the page it makes. */
export class Site {
  readonly tally: Tally;
  readonly monitor: WialonMonitor;
  now = 1000;
  clockOffset = 0;
  readonly #packet = new Packet();

  constructor({ limit = 100, hasDevices = false, maxConnections = 1000 } = {}) {
    this.tally = new Tally(limit, hasDevices);
    this.monitor = new WialonMonitor(this.tally, maxConnections);
  }

  show(frame: Uint8Array, capturedBytes = frame.length): void {
    const bytes = Buffer.from(frame.subarray(0, capturedBytes));
    parseFrame(this.#packet, LINKTYPE_ETHERNET, bytes, 0, bytes.length, frame.length);
    this.monitor.take(this.#packet, bytes, bytes.length, this.now);
    // Memory is lent: what keeps it keeps this.
    bytes.fill(0x23);
  }

  get collector(): WialonCollector {
    return new WialonCollector(
      {
        sync: () => this.now,
        clockOffset: () => this.clockOffset,
        taps: () => [{ name: "eth0", isUp: true, lostPackets: 2 }],
      },
      this.tally,
    );
  }

  async text(format: Format = Format.TEXT): Promise<string> {
    const chunks: Buffer[] = [];
    for await (const chunk of makePage(await this.collector.collect(), format)) chunks.push(Buffer.from(chunk));
    return Buffer.concat(chunks).toString();
  }

  async page(): Promise<Page> {
    return new Page(await this.text());
  }
}

/** A TCP connection of a tracker to a server: what each side says is shown in order unless it is said otherwise. */
export class Connection {
  readonly #site: Site;
  readonly #tracker: string;
  readonly #server: string;
  readonly #port: number;
  readonly #sequence = { tracker: 1_000_000, server: 0xffff_fff0 };

  constructor(site: Site, { tracker = "10.0.0.1", server = "10.0.0.9", port = 4000 } = {}) {
    this.#site = site;
    this.#tracker = tracker;
    this.#server = server;
    this.#port = port;
  }

  open(): this {
    this.#say("tracker", "", SYN);
    this.#say("server", "", SYN | ACK);
    return this;
  }

  tracker(text: string | Buffer, flags = ACK): this {
    return this.#say("tracker", text, flags);
  }

  server(text: string | Buffer, flags = ACK): this {
    return this.#say("server", text, flags);
  }

  /** What the tracker says now, to be shown later, or never. */
  held(text: string): Buffer {
    return this.#frame("tracker", Buffer.from(text, "latin1"), ACK);
  }

  /** What the server says, and nobody sees. */
  missed(text: string): void {
    this.#frame("server", Buffer.from(text, "latin1"), ACK);
  }

  /** Another connection takes the ports: it goes on this far from where this one is. */
  jump(byteCount: number): this {
    this.#sequence.tracker += byteCount;
    return this;
  }

  #say(side: "tracker" | "server", text: string | Buffer, flags: number): this {
    const payload = typeof text === "string" ? Buffer.from(text, "latin1") : text;
    this.#site.now += 0.25;
    this.#site.show(this.#frame(side, payload, flags));
    return this;
  }

  #frame(side: "tracker" | "server", payload: Buffer, flags: number): Buffer {
    const other = side === "tracker" ? "server" : "tracker";
    const tcp = { sequence: this.#sequence[side], acknowledgment: this.#sequence[other], flags };
    this.#sequence[side] += payload.length + ((flags & (SYN | FIN)) === 0 ? 0 : 1);
    const isTracker = side === "tracker";
    return frameOf({
      source: isTracker ? this.#tracker : this.#server,
      destination: isTracker ? this.#server : this.#tracker,
      sourcePort: isTracker ? this.#port : 20332,
      destinationPort: isTracker ? 20332 : this.#port,
      payload,
      tcp,
    });
  }
}
