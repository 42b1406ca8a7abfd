import type { KnownExporter } from "./exporters.ts";
import type { NamesByIndex } from "./interface-names.ts";
import { Field, type Flow, IPV6_WORDS } from "../../../flows/flow.ts";
import type { InterfaceNames } from "../../../flows/interface-names.ts";
import { formatIpv4, formatIpv6 } from "../../../packet/address.ts";
import { IPV6_COLUMN } from "../../../packet/protocols.ts";
import { PROTOCOLS } from "../../produce/accounting-record.ts";
import { Field as RecordField, FlowRecord, MAX_TEXT_LENGTH } from "../records/flow-record.ts";

/** Labels that are numbers of a record, by pmacct's keys. */
const NUMBERS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["port_src", Field.SOURCE_PORT],
  ["port_dst", Field.DESTINATION_PORT],
  ["tos", Field.TOS],
  ["tcp_flags", Field.TCP_FLAGS],
  ["vlan", Field.VLAN],
  ["peer_as_src", Field.PEER_SOURCE_AS],
  ["peer_as_dst", Field.PEER_DESTINATION_AS],
]);
const PORT_KEYS = ["port_src", "port_dst", "tos", "tcp_flags"];
/** Labels that are interfaces: by their names, or else by their indexes. */
const INTERFACES: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["iface_in", Field.INPUT],
  ["iface_out", Field.OUTPUT],
]);
/** Labels that are addresses: where they stand if they are of IPv4, and if they are of IPv6. */
const ADDRESSES: ReadonlyMap<string, readonly [ipv4: Field, ipv6: Field]> = new Map([
  ["ip_src", [Field.SOURCE_IPV4, Field.SOURCE_IPV6]],
  ["ip_dst", [Field.DESTINATION_IPV4, Field.DESTINATION_IPV6]],
]);
/** The exporter: by its name, and as pmacct calls its address. */
const EXPORTER_KEYS = ["label", "peer_ip_src"];
const PROTOCOL_KEY = "ip_proto";

/** Keys of labels that are made of what datagrams tell, besides those of ASes. */
export const UDP_KEYS: readonly string[] = [
  ...[NUMBERS, INTERFACES, ADDRESSES].flatMap((keys) => [...keys.keys()]),
  ...EXPORTER_KEYS,
  PROTOCOL_KEY,
];

/** Whether a label is one of those that stand behind the addresses of a packet. */
export function isPortKey(key: string): boolean {
  return PORT_KEYS.includes(key);
}

/** Whether a label is made of addresses. */
export function isAddressKey(key: string): boolean {
  return ADDRESSES.has(key);
}

const ZERO = 0x30;
/** No number: what has been written for none yet. */
const UNWRITTEN = -1;

/** What a label is made of a number of the record. */
type TextKind = "number" | "protocol" | "interface";

/** A label that is made of a number of the record, and what stands in the text for it. */
interface NumberText {
  readonly field: Field;
  readonly key: number;
  readonly start: number;
  readonly kind: TextKind;
  written: number;
}

/** A label that is an address, and the numbers of which its text was made: IPv4, and the words of IPv6. */
interface AddressText {
  readonly key: number;
  readonly start: number;
  readonly ipv4: Field;
  readonly ipv6: Field;
  readonly written: Float64Array;
}

/** Makes records of flows: the labels that are asked for as texts, each made again only when it is another. */
export class RecordWriter {
  readonly record: FlowRecord;
  readonly #text: Uint8Array;
  readonly #numbers: NumberText[] = [];
  readonly #addresses: AddressText[] = [];
  readonly #exporterKeys: number[] = [];
  #exporter: Uint8Array | undefined;
  /** Names of its interfaces: what a file says, and what it says itself. */
  #given: NamesByIndex | undefined;
  #told: InterfaceNames | undefined;
  #toldEdition = 0;

  /** `keys`: of the labels that are texts; one that no flow knows stays empty. */
  constructor(keys: readonly string[]) {
    this.record = new FlowRecord(keys, false);
    this.#text = new Uint8Array(keys.length * MAX_TEXT_LENGTH);
    this.record.clear(this.#text);
    for (const [key, name] of keys.entries()) {
      const start = key * MAX_TEXT_LENGTH;
      this.record.starts[key] = start;
      this.record.ends[key] = start;
      const [field, kind] = numberOf(name);
      if (field !== undefined) this.#numbers.push({ field, key, start, kind, written: UNWRITTEN });
      const [ipv4, ipv6] = ADDRESSES.get(name) ?? [];
      if (ipv4 !== undefined && ipv6 !== undefined) {
        this.#addresses.push({ key, start, ipv4, ipv6, written: new Float64Array(1 + IPV6_WORDS) });
      }
      if (EXPORTER_KEYS.includes(name)) this.#exporterKeys.push(key);
    }
  }

  /** The records that follow are of an exporter. Hot. */
  begin({ text, interfaces }: Pick<KnownExporter, "text" | "interfaces">): void {
    if (this.#exporter === text && this.#given === interfaces) return;
    this.#exporter = text;
    this.#given = interfaces;
    this.#forgetInterfaces();
    const name = text.subarray(0, MAX_TEXT_LENGTH);
    for (const key of this.#exporterKeys) {
      const start = this.record.starts[key]!;
      this.#text.set(name, start);
      this.record.ends[key] = start + name.length;
    }
  }

  /** Makes the record of a flow that stands for `interval` of its like. Hot; does not allocate but for addresses. */
  write({ numbers, interfaces }: Flow, interval: number): FlowRecord {
    const { record } = this;
    if (interfaces !== this.#told || (interfaces !== undefined && interfaces.edition !== this.#toldEdition)) {
      this.#told = interfaces;
      this.#toldEdition = interfaces?.edition ?? 0;
      this.#forgetInterfaces();
    }
    record.numbers[RecordField.BYTES] = numbers[Field.BYTES]! * interval;
    record.numbers[RecordField.PACKETS] = numbers[Field.PACKETS]! * interval;
    record.numbers[RecordField.SOURCE_AS] = numbers[Field.SOURCE_AS]!;
    record.numbers[RecordField.DESTINATION_AS] = numbers[Field.DESTINATION_AS]!;
    for (const label of this.#numbers) {
      const value = numbers[label.field]!;
      if (value === label.written) continue;
      label.written = value;
      record.ends[label.key] = this.#writeText(label.kind, value, label.start);
    }
    for (const label of this.#addresses) this.#writeAddress(label, numbers);
    return record;
  }

  /** Has the labels of interfaces made again: the same number may have another name. */
  #forgetInterfaces(): void {
    for (const label of this.#numbers) if (label.kind === "interface") label.written = UNWRITTEN;
  }

  #writeText(kind: TextKind, value: number, at: number): number {
    if (kind === "protocol") return this.#writeProtocol(value, at);
    return kind === "interface" ? this.#writeInterface(value, at) : this.#writeNumber(value, at);
  }

  #writeInterface(index: number, at: number): number {
    // Most exporters tell no names: that costs nothing.
    const hasNames = this.#given !== undefined || this.#toldEdition > 0;
    const name = hasNames ? (this.#given?.get(index) ?? this.#told?.get(index)) : undefined;
    if (name === undefined) return this.#writeNumber(index, at);
    this.#text.set(name, at);
    return at + name.length;
  }

  /** One that is not told is no text. */
  #writeAddress({ key, start, ipv4, ipv6, written }: AddressText, numbers: Float64Array): void {
    let isWritten = written[0] === numbers[ipv4];
    for (let k = 0; k < IPV6_WORDS; k++) isWritten &&= written[1 + k] === numbers[ipv6 + k];
    if (isWritten) return;
    written[0] = numbers[ipv4]!;
    for (let k = 0; k < IPV6_WORDS; k++) written[1 + k] = numbers[ipv6 + k]!;
    const [, word0 = 0, word1 = 0, word2 = 0, word3 = 0] = written;
    const isIpv6 = word0 !== 0 || word1 !== 0 || word2 !== 0 || word3 !== 0;
    const text = written[0] !== 0 ? formatIpv4(written[0]) : isIpv6 ? formatIpv6(word0, word1, word2, word3) : "";
    this.record.ends[key] = start + encoder.encodeInto(text, this.#text.subarray(start)).written;
  }

  #writeProtocol(protocol: number, at: number): number {
    const name = PROTOCOLS[IPV6_COLUMN[protocol] ?? 0] ?? "";
    if (name === "") return this.#writeNumber(protocol, at);
    return at + encoder.encodeInto(name, this.#text.subarray(at)).written;
  }

  /** Writes a whole number in decimal digits, and returns their end. */
  #writeNumber(value: number, at: number): number {
    let end = at + 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) end++;
    for (let place = end - 1; place >= at; place--) {
      const tenth = Math.floor(value / 10);
      this.#text[place] = ZERO + value - tenth * 10;
      value = tenth;
    }
    return end;
  }
}

function numberOf(key: string): [Field | undefined, TextKind] {
  if (key === PROTOCOL_KEY) return [Field.PROTOCOL, "protocol"];
  const index = INTERFACES.get(key);
  return index === undefined ? [NUMBERS.get(key), "number"] : [index, "interface"];
}

const encoder = new TextEncoder();
