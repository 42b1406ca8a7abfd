import { Decoder, type ReadingOptions } from "../../src/flows/decoder.ts";
import { Exporter, Room } from "../../src/flows/exporter.ts";
import { Field, type Flow } from "../../src/flows/flow.ts";
import type { Verdict } from "../../src/flows/verdict.ts";

/* Datagrams of exporters, built of their numbers; a part that is a list is taken as it stands. */

export type Bytes = readonly number[];

/** A number, big-endian. */
export const be = (value: number, length: number): number[] =>
  Array.from({ length }, (_, k) => Math.floor(value / 256 ** (length - 1 - k)) % 256);
export const u8 = (value: number): number[] => be(value, 1);
export const u16 = (value: number): number[] => be(value, 2);
export const u32 = (value: number): number[] => be(value, 4);
export const u64 = (value: number): number[] => be(value, 8);

/** Bytes that are written in hexadecimal, with spaces wherever. */
export const hex = (text: string): number[] => [...Buffer.from(text.replaceAll(/\s/g, ""), "hex")];

export interface Header {
  readonly sequence?: number;
  readonly domain?: number;
}

/** A NetFlow v5 datagram; `sampling`: the last 16 bits of its header. */
export function netflow5(records: readonly Bytes[], { sequence = 0, domain = 0 }: Header = {}, sampling = 0): Bytes {
  const header = [u16(5), u16(records.length), u32(1000), u32(0), u32(0), u32(sequence), u16(domain), u16(sampling)];
  return [...header, ...records].flat();
}

export interface Record5 {
  readonly input?: number;
  readonly output?: number;
  readonly packets?: number;
  readonly bytes?: number;
  readonly sourceAs?: number;
  readonly destinationAs?: number;
}

export function record5({ input = 0, output = 0, packets = 1, bytes = 100, ...ases }: Record5 = {}): Bytes {
  const { sourceAs = 0, destinationAs = 0 } = ases;
  const addresses = [...hex("0a000001 0a000002 00000000")];
  const ports = [...hex("1f90 0050 00 1b 06 00")];
  const counts = [u16(input), u16(output), u32(packets), u32(bytes), u32(0), u32(0)].flat();
  return [...addresses, ...counts, ...ports, ...u16(sourceAs), ...u16(destinationAs), ...hex("18 18 0000")];
}

/** A set with an id; it is padded to 4 bytes. */
export function set(id: number, ...parts: readonly Bytes[]): Bytes {
  const body = parts.flat();
  const padding = Array<number>((4 - (body.length % 4)) % 4).fill(0);
  return [...u16(id), ...u16(4 + body.length + padding.length), ...body, ...padding];
}

export function netflow9(sets: readonly Bytes[], { sequence = 0, domain = 0 }: Header = {}): Bytes {
  const header = [u16(9), u16(sets.length), u32(1000), u32(0), u32(sequence), u32(domain)];
  return [...header, ...sets].flat();
}

export function ipfix(sets: readonly Bytes[], { sequence = 0, domain = 0 }: Header = {}): Bytes {
  const body = sets.flat();
  return [...u16(10), ...u16(16 + body.length), ...u32(0), ...u32(sequence), ...u32(domain), ...body];
}

/** A field of a template: the number of an element, its length, and the number of its enterprise if it has one. */
export type Spec = readonly [element: number, length: number, enterprise?: number];

function specs(fields: readonly Spec[]): number[] {
  return fields.flatMap(([element, length, enterprise]) =>
    enterprise === undefined
      ? [...u16(element), ...u16(length)]
      : [...u16(element | 0x8000), ...u16(length), ...u32(enterprise)],
  );
}

/** What stands in a set of templates. */
export function template(id: number, ...fields: readonly Spec[]): Bytes {
  return [...u16(id), ...u16(fields.length), ...specs(fields)];
}

/** An options template of v9: its scopes, then its options. */
export function options9(id: number, scopes: readonly Spec[], fields: readonly Spec[]): Bytes {
  return [...u16(id), ...u16(4 * scopes.length), ...u16(4 * fields.length), ...specs([...scopes, ...fields])];
}

export function optionsIpfix(id: number, scopes: readonly Spec[], fields: readonly Spec[]): Bytes {
  return [...u16(id), ...u16(scopes.length + fields.length), ...u16(scopes.length), ...specs([...scopes, ...fields])];
}

/** What was read of a record, without what is 0. */
export type Read = Partial<Record<Lowercase<keyof typeof Field> | "interval", number>>;

/** An exporter, and what was read of what it sent. */
export class Reading {
  readonly room = new Room();
  readonly exporter = new Exporter(this.room);
  readonly flows: Read[] = [];
  uncounted = 0;
  repeated = 0;
  readonly #decoder: Decoder;

  constructor(options: ReadingOptions = {}) {
    const sink = {
      flow: (flow: Flow) => this.flows.push(readOf(flow)),
      uncounted: () => this.uncounted++,
      repeated: () => this.repeated++,
    };
    this.#decoder = new Decoder(sink, this.room, options);
  }

  /** Reads a datagram that stands somewhere in a larger buffer. */
  read(datagram: Bytes, exporter = this.exporter): Verdict {
    const bytes = new Uint8Array(7 + datagram.length + 9).fill(0xee);
    bytes.set(datagram, 7);
    return this.#decoder.decode(exporter, new DataView(bytes.buffer), 7, 7 + datagram.length);
  }

  /** What was read since this was last asked. */
  take(): Read[] {
    return this.flows.splice(0);
  }
}

function readOf({ numbers, interval }: Flow): Read {
  const named = Object.entries(Field).map(([name, field]) => [name.toLowerCase(), numbers[field]]);
  return Object.fromEntries([...named, ["interval", interval]].filter(([, value]) => value !== 0)) as Read;
}

/** The address of an agent that tells none. */
const NO_AGENT = [0, 0, 0, 0];

/** An sFlow v5 datagram of an agent, by the 4 or 16 bytes of its address. */
export function sflow(samples: readonly Bytes[], { sequence = 0, domain = 0 }: Header = {}, agent = NO_AGENT): Bytes {
  const header = [
    u32(5),
    u32(agent.length === 4 ? 1 : 2),
    agent,
    u32(domain),
    u32(sequence),
    u32(1000),
    u32(samples.length),
  ];
  return [...header, ...samples].flat();
}

/** A sample, or a record in one, with its kind and its length; it is padded to 4 bytes. */
export function opaque(kind: number, ...parts: readonly Bytes[]): Bytes {
  const body = parts.flat();
  const padding = Array<number>((4 - (body.length % 4)) % 4).fill(0);
  return [...u32(kind), ...u32(body.length), ...body, ...padding];
}

export interface SampleFields {
  readonly source?: number;
  readonly rate?: number;
  readonly input?: number;
  readonly output?: number;
}

export function flowSample(records: readonly Bytes[], fields: SampleFields = {}): Bytes {
  const { source = 3, rate = 512, input = 3, output = 7 } = fields;
  const numbers = [1, source, rate, 4096, 0, input, output, records.length];
  return opaque(1, numbers.flatMap(u32), ...records);
}

/** Of four more numbers: the type of the source, and what the interfaces are. */
export function expandedSample(records: readonly Bytes[], fields: SampleFields = {}): Bytes {
  const { source = 3, rate = 512, input = 3, output = 7 } = fields;
  const numbers = [1, 0, source, rate, 4096, 0, 0, input, 0, output, records.length];
  return opaque(3, numbers.flatMap(u32), ...records);
}

/** A header as it was on the wire, of a frame of so many bytes, of which some were taken off its end. */
export function rawHeader(protocol: number, frameBytes: number, stripped: number, header: Bytes): Bytes {
  return opaque(1, u32(protocol), u32(frameBytes), u32(stripped), u32(header.length), header);
}
