import { Field, type Flow } from "../../../flows/flow.ts";
import { IPV6_COLUMN } from "../../../packet/protocols.ts";
import { PROTOCOLS } from "../../produce/accounting-record.ts";
import { Field as RecordField, FlowRecord, MAX_TEXT_LENGTH } from "../records/flow-record.ts";

/** Labels that are numbers of a record, by pmacct's keys. */
const NUMBERS: ReadonlyMap<string, Field> = new Map<string, Field>([
  ["iface_in", Field.INPUT],
  ["iface_out", Field.OUTPUT],
  ["port_src", Field.SOURCE_PORT],
  ["port_dst", Field.DESTINATION_PORT],
  ["tos", Field.TOS],
  ["tcp_flags", Field.TCP_FLAGS],
  ["vlan", Field.VLAN],
  ["peer_as_src", Field.PEER_SOURCE_AS],
  ["peer_as_dst", Field.PEER_DESTINATION_AS],
]);
/** The exporter: by its name, and as pmacct calls its address. */
const EXPORTER_KEYS = ["label", "peer_ip_src"];
const PROTOCOL_KEY = "ip_proto";

const ZERO = 0x30;
/** No number: what has been written for none yet. */
const UNWRITTEN = -1;

/** A label that is a number of the record, and what stands in the text for it. */
interface NumberText {
  readonly field: Field;
  readonly key: number;
  readonly start: number;
  readonly isProtocol: boolean;
  written: number;
}

/** Makes records of flows: the labels that are asked for as texts, each made again only when it is another. */
export class RecordWriter {
  readonly record: FlowRecord;
  readonly #text: Uint8Array;
  readonly #numbers: NumberText[] = [];
  readonly #exporterKeys: number[] = [];
  #exporter: Uint8Array | undefined;

  /** `keys`: of the labels that are texts; one that no flow knows stays empty. */
  constructor(keys: readonly string[]) {
    this.record = new FlowRecord(keys, false);
    this.#text = new Uint8Array(keys.length * MAX_TEXT_LENGTH);
    this.record.clear(this.#text);
    for (const [key, name] of keys.entries()) {
      const start = key * MAX_TEXT_LENGTH;
      this.record.starts[key] = start;
      this.record.ends[key] = start;
      const isProtocol = name === PROTOCOL_KEY;
      const field = isProtocol ? Field.PROTOCOL : NUMBERS.get(name);
      if (field !== undefined) this.#numbers.push({ field, key, start, isProtocol, written: UNWRITTEN });
      if (EXPORTER_KEYS.includes(name)) this.#exporterKeys.push(key);
    }
  }

  /** The records that follow are of an exporter, whose name this is. Hot. */
  begin(exporter: Uint8Array): void {
    if (this.#exporter === exporter) return;
    this.#exporter = exporter;
    const name = exporter.subarray(0, MAX_TEXT_LENGTH);
    for (const key of this.#exporterKeys) {
      const start = this.record.starts[key]!;
      this.#text.set(name, start);
      this.record.ends[key] = start + name.length;
    }
  }

  /** Makes the record of a flow that stands for `interval` of its like. Hot; does not allocate. */
  write({ numbers }: Flow, interval: number): FlowRecord {
    const { record } = this;
    record.numbers[RecordField.BYTES] = numbers[Field.BYTES]! * interval;
    record.numbers[RecordField.PACKETS] = numbers[Field.PACKETS]! * interval;
    record.numbers[RecordField.SOURCE_AS] = numbers[Field.SOURCE_AS]!;
    record.numbers[RecordField.DESTINATION_AS] = numbers[Field.DESTINATION_AS]!;
    for (const label of this.#numbers) {
      const value = numbers[label.field]!;
      if (value === label.written) continue;
      label.written = value;
      record.ends[label.key] = label.isProtocol
        ? this.#writeProtocol(value, label.start)
        : this.#writeNumber(value, label.start);
    }
    return record;
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

const encoder = new TextEncoder();
