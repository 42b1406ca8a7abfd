import { ETHERTYPE_MPLS } from "../../packet/headers.ts";
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_FDDI,
  LINKTYPE_FRELAY,
  LINKTYPE_IPV4,
  LINKTYPE_IPV6,
  LINKTYPE_PPP,
  LINKTYPE_PPP_HDLC,
} from "../../packet/link/link-types.ts";
import { Packet, Verdict as PacketVerdict } from "../../packet/packet.ts";
import { parseFrame, parsePayload } from "../../packet/parse.ts";
import { Field, type Flow, FLOW_EGRESS, FLOW_INGRESS } from "../flow.ts";
import { sourceOf } from "./source.ts";
import { readTransport } from "./transport.ts";

/*
 * Samples of sFlow v5 (sflow.org/sflow_version_5.txt): whole numbers of 32 bits, and what is not padded to them.
 *
 *   flow sample:  0 sequence | 4 source: type in 8 bits, index in 24 | 8 rate | 12 pool | 16 drops | 20 input
 *                 24 output | 28 records
 *   expanded:     0 sequence | 4 source type | 8 source index | 12 rate | 16 pool | 20 drops | 24 input format
 *                 28 input | 32 output format | 36 output | 40 records
 *   record:       0 kind: enterprise in 20 bits, format in 12 | 4 length | 8 what has that length
 */
export const SAMPLE_FLOW = 1;
export const SAMPLE_FLOW_EXPANDED = 3;
const SAMPLE_BYTES = 32;
const EXPANDED_BYTES = 44;
const RECORD_HEADER_BYTES = 8;

const RECORD_RAW = 1;
const RECORD_IPV4 = 3;
const RECORD_IPV6 = 4;
const RECORD_SWITCH = 1001;
const RECORD_GATEWAY = 1003;

/** Bytes of an address by its type; that of no known address has none. */
export const ADDRESS_BYTES = [0, 4, 16] as const;

/** Of the 32 bits of an interface in a plain sample: what they are, and the number. */
const INTERFACE_FORMAT_SHIFT = 30;
const INTERFACE_MASK = 0x3fff_ffff;
/** An interface that is not known, or inside of the device. */
const INTERFACE_INTERNAL = 0x3fff_ffff;

/** What a raw header begins with → its link type. */
const LINK_TYPES: ReadonlyMap<number, number> = new Map([
  [1, LINKTYPE_ETHERNET],
  [4, LINKTYPE_FDDI],
  [5, LINKTYPE_FRELAY],
  [7, LINKTYPE_PPP],
  [11, LINKTYPE_IPV4],
  [12, LINKTYPE_IPV6],
  [14, LINKTYPE_PPP_HDLC],
]);
const HEADER_MPLS = 13;

/** What a sample was: the length of what it says is beyond its end if it is truncated. */
export const Sample = { FLOW: 0, TRUNCATED: 1, WITHOUT_SIZE: 2 } as const;
export type Sample = (typeof Sample)[keyof typeof Sample];

/** Reads samples of packets: each is a flow of one packet. */
export class SampleReader {
  /** Whether the sample that was last read tells where it was taken. */
  hasDirection = false;
  readonly #packet = new Packet();
  readonly #flow: Flow;
  readonly #hasAddresses: boolean;
  readonly #hasPorts: boolean;
  /** The bytes of the view that was last read. */
  #view: DataView | undefined;
  #bytes: Uint8Array = new Uint8Array(0);
  /** Whether a record that was read told the size of the packet. */
  #hasSize = false;

  constructor(flow: Flow, { hasAddresses, hasPorts }: { hasAddresses: boolean; hasPorts: boolean }) {
    this.#flow = flow;
    this.#hasAddresses = hasAddresses;
    this.#hasPorts = hasPorts;
  }

  /** Reads the flow sample view[at, end). Hot; does not allocate. */
  read(view: DataView, at: number, end: number, isExpanded: boolean): Sample {
    const flow = this.#flow;
    flow.numbers.fill(0);
    flow.numbers[Field.PACKETS] = 1;
    this.#hasSize = false;
    const next = at + (isExpanded ? EXPANDED_BYTES : SAMPLE_BYTES);
    if (next > end) return Sample.TRUNCATED;
    if (isExpanded) this.#readExpanded(view, at);
    else this.#readPlain(view, at);
    if (!this.#readRecords(view, next, end, view.getUint32(next - 4))) return Sample.TRUNCATED;
    return this.#hasSize ? Sample.FLOW : Sample.WITHOUT_SIZE;
  }

  #readPlain(view: DataView, at: number): void {
    const [input, output] = [view.getUint32(at + 20), view.getUint32(at + 24)];
    this.#flow.interval = view.getUint32(at + 8);
    this.#readInterfaces(
      input >>> INTERFACE_FORMAT_SHIFT === 0 ? input & INTERFACE_MASK : 0,
      output >>> INTERFACE_FORMAT_SHIFT === 0 ? output & INTERFACE_MASK : 0,
      sourceOf(view, at + 4, false),
    );
  }

  #readExpanded(view: DataView, at: number): void {
    this.#flow.interval = view.getUint32(at + 12);
    this.#readInterfaces(
      view.getUint32(at + 24) === 0 ? view.getUint32(at + 28) : 0,
      view.getUint32(at + 32) === 0 ? view.getUint32(at + 36) : 0,
      sourceOf(view, at + 4, true),
    );
  }

  /** The source is the interface at which the sample was taken, 0 if that is not told. */
  #readInterfaces(input: number, output: number, source: number): void {
    const { numbers } = this.#flow;
    numbers[Field.INPUT] = input === INTERFACE_INTERNAL ? 0 : input;
    numbers[Field.OUTPUT] = output === INTERFACE_INTERNAL ? 0 : output;
    this.hasDirection = source !== 0 && (input === source || output === source);
    numbers[Field.DIRECTION] = output === source && input !== source ? FLOW_EGRESS : FLOW_INGRESS;
  }

  #readRecords(view: DataView, at: number, end: number, count: number): boolean {
    for (let k = 0; k < count; k++) {
      if (at + RECORD_HEADER_BYTES > end) return false;
      const kind = view.getUint32(at);
      const start = at + RECORD_HEADER_BYTES;
      const length = view.getUint32(at + 4);
      const stop = start + length;
      if (stop > end || !this.#readRecord(view, kind, start, stop)) return false;
      at = stop + (-length & 3);
    }
    return true;
  }

  #readRecord(view: DataView, kind: number, at: number, end: number): boolean {
    switch (kind) {
      case RECORD_RAW:
        return this.#readRaw(view, at, end);
      case RECORD_IPV4:
        return this.#readIp(view, at, end, ADDRESS_BYTES[1]);
      case RECORD_IPV6:
        return this.#readIp(view, at, end, ADDRESS_BYTES[2]);
      case RECORD_SWITCH:
        if (at + 4 > end) return false;
        this.#flow.numbers[Field.VLAN] = view.getUint32(at);
        return true;
      case RECORD_GATEWAY:
        return this.#readGateway(view, at, end);
      default:
        return true;
    }
  }

  /** 0 protocol | 4 length of the frame | 8 what was taken off its end | 12 bytes of the header | 16 the header. */
  #readRaw(view: DataView, at: number, end: number): boolean {
    if (at + 16 > end) return false;
    const start = at + 16;
    const stop = start + view.getUint32(at + 12);
    if (stop > end) return false;
    const protocol = view.getUint32(at);
    const originalBytes = Math.max(view.getUint32(at + 4) - view.getUint32(at + 8), stop - start);
    const packet = this.#packet;
    const bytes = this.#bytesOf(view);
    if (protocol === HEADER_MPLS) {
      parsePayload(packet, ETHERTYPE_MPLS, bytes, start, stop, originalBytes);
    } else {
      parseFrame(packet, LINK_TYPES.get(protocol) ?? -1, bytes, start, stop, originalBytes);
    }
    this.#hasSize = true;
    this.#flow.numbers[Field.BYTES] = packet.lengthBytes;
    if (packet.verdict !== PacketVerdict.IP) return true;
    this.#flow.numbers[Field.PROTOCOL] = packet.protocol;
    if (this.#hasPorts) readTransport(packet, view, bytes, stop, this.#flow.numbers);
    if (this.#hasAddresses) takeAddresses(packet, this.#flow.numbers);
    return true;
  }

  /** 0 length | 4 protocol | 8 addresses | then ports, flags of TCP and the class of service. */
  #readIp(view: DataView, at: number, end: number, addressBytes: number): boolean {
    const ports = at + 8 + 2 * addressBytes;
    if (ports + 16 > end) return false;
    const { numbers } = this.#flow;
    if (this.#hasAddresses) {
      const field = addressBytes === 4 ? Field.SOURCE_IPV4 : Field.SOURCE_IPV6;
      for (let k = 0; k < addressBytes / 2; k++) numbers[field + k] = view.getUint32(at + 8 + 4 * k);
    }
    // A raw header, if there is one as well, has said the same.
    if (!this.#hasSize) numbers[Field.BYTES] = view.getUint32(at);
    this.#hasSize = true;
    numbers[Field.PROTOCOL] = view.getUint32(at + 4);
    numbers[Field.SOURCE_PORT] = view.getUint32(ports);
    numbers[Field.DESTINATION_PORT] = view.getUint32(ports + 4);
    numbers[Field.TCP_FLAGS] = view.getUint32(ports + 8);
    numbers[Field.TOS] = view.getUint32(ports + 12);
    return true;
  }

  /**
   * 0 next hop: type and address | then router's AS | source | its neighbour | segments of the path to the destination,
   * each with type, count and ASes. What is in the router's own AS has no number there, or no path.
   */
  #readGateway(view: DataView, at: number, end: number): boolean {
    if (at + 4 > end) return false;
    const ases = at + 4 + (ADDRESS_BYTES[view.getUint32(at)] ?? 0);
    if (ases + 16 > end) return false;
    const own = view.getUint32(ases);
    const { numbers } = this.#flow;
    numbers[Field.SOURCE_AS] = view.getUint32(ases + 4) || own;
    numbers[Field.PEER_SOURCE_AS] = view.getUint32(ases + 8);
    numbers[Field.DESTINATION_AS] = own;
    const segments = view.getUint32(ases + 12);
    let next = ases + 16;
    let isFirst = true;
    for (let k = 0; k < segments; k++) {
      if (next + 8 > end) return false;
      const count = view.getUint32(next + 4);
      next += 8;
      if (next + 4 * count > end) return false;
      if (count === 0) continue;
      if (isFirst) numbers[Field.PEER_DESTINATION_AS] = view.getUint32(next);
      isFirst = false;
      next += 4 * count;
      numbers[Field.DESTINATION_AS] = view.getUint32(next - 4);
    }
    return true;
  }

  #bytesOf(view: DataView): Uint8Array {
    if (view !== this.#view) {
      this.#view = view;
      this.#bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    }
    return this.#bytes;
  }
}

function takeAddresses(packet: Packet, numbers: Float64Array): void {
  if (packet.version === 4) {
    numbers[Field.SOURCE_IPV4] = packet.source >>> 0;
    numbers[Field.DESTINATION_IPV4] = packet.destination >>> 0;
    return;
  }
  numbers[Field.SOURCE_IPV6] = packet.source >>> 0;
  numbers[Field.SOURCE_IPV6 + 1] = packet.source1 >>> 0;
  numbers[Field.SOURCE_IPV6 + 2] = packet.source2 >>> 0;
  numbers[Field.SOURCE_IPV6 + 3] = packet.source3 >>> 0;
  numbers[Field.DESTINATION_IPV6] = packet.destination >>> 0;
  numbers[Field.DESTINATION_IPV6 + 1] = packet.destination1 >>> 0;
  numbers[Field.DESTINATION_IPV6 + 2] = packet.destination2 >>> 0;
  numbers[Field.DESTINATION_IPV6 + 3] = packet.destination3 >>> 0;
}
