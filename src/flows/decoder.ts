import { addressedUseOf, type UseOf, useOf } from "./elements.ts";
import { type CountedDirection, type Domain, type Exporter, type Layout, Protocol, type Room } from "./exporter.ts";
import { Field, Flow, type FlowSink } from "./flow.ts";
import {
  COUNT_5,
  ENGINE_5,
  HEADER_5_BYTES,
  INTERVAL_5_MASK,
  SAMPLING_5,
  SEQUENCE_5,
  template5,
  VERSION_5,
} from "./netflow5.ts";
import { VERSION_SFLOW } from "./sflow/agent.ts";
import { readPortName, SAMPLE_COUNTERS, SAMPLE_COUNTERS_EXPANDED } from "./sflow/counters.ts";
import { ADDRESS_BYTES, Sample, SAMPLE_FLOW, SAMPLE_FLOW_EXPANDED, SampleReader } from "./sflow/samples.ts";
import { SET_OPTIONS_IPFIX, SET_TEMPLATES_IPFIX, TemplateReader } from "./template-sets.ts";
import type { Template } from "./template.ts";
import { Verdict } from "./verdict.ts";

/*
 * NetFlow v9 (RFC 3954) and IPFIX (RFC 7011): sets behind a header. Sets of templates say how records of data sets are
 * laid out.
 *
 *   v9:    0 version | 2 count | 4 uptime u32 | 8 seconds u32 | 12 sequence u32 | 16 source id u32
 *   IPFIX: 0 version | 2 length | 4 seconds u32 | 8 sequence u32 | 12 observation domain u32
 *   set:   0 id u16 | 2 length u16, with these 4 bytes
 */
const VERSION_9 = 9;
const HEADER_9_BYTES = 20;
const VERSION_IPFIX = 10;
const HEADER_IPFIX_BYTES = 16;
/** sFlow: 0 version | 4 agent: type and address | then sub-agent | sequence | uptime | samples, each a u32. */
const SET_HEADER_BYTES = 4;
const MIN_DATA_SET = 256;

const SET_TEMPLATES_9 = 0;
const SET_OPTIONS_9 = 1;

/** How records are read. */
export interface ReadingOptions {
  readonly direction?: CountedDirection | undefined;
  /** Whether addresses are asked for. */
  readonly hasAddresses?: boolean | undefined;
  /** Whether ports, flags of TCP and the class of service are asked for, of headers in samples as well. */
  readonly hasPorts?: boolean | undefined;
}

/**
 * Reads datagrams of flow records, told apart by their version. Bytes in, records and a verdict out; never throws,
 * whatever the bytes are. What was read of a datagram before it went wrong counts.
 */
export class Decoder {
  readonly #sink: FlowSink;
  readonly #room: Room;
  #counted: CountedDirection;
  readonly #flow = new Flow();
  readonly #samples: SampleReader;
  readonly #uses: UseOf;
  readonly #template5: Template;
  #exporter!: Exporter;
  /** Records of data sets of the datagram, options and all. */
  #units = 0;
  #optionUnits = 0;
  /** Whether it had a set without a template. */
  #hasUnknown = false;

  constructor(sink: FlowSink, room: Room, options: ReadingOptions = {}) {
    const { direction = "auto", hasAddresses = false, hasPorts = false } = options;
    this.#sink = sink;
    this.#room = room;
    this.#counted = direction;
    this.#samples = new SampleReader(this.#flow, { hasAddresses, hasPorts });
    this.#uses = hasAddresses ? addressedUseOf : useOf;
    this.#template5 = template5(this.#uses);
  }

  /** Has records of another direction count from now on. */
  use(direction: CountedDirection): void {
    this.#counted = direction;
  }

  /** Reads the datagram view[at, end) of an exporter. Hot. */
  decode(exporter: Exporter, view: DataView, at: number, end: number): Verdict {
    if (end - at < 2) return Verdict.TRUNCATED;
    this.#exporter = exporter;
    switch (view.getUint16(at)) {
      case VERSION_5:
        return this.#netflow5(view, at, end);
      case VERSION_9:
        return this.#netflow9(view, at, end);
      case VERSION_IPFIX:
        return this.#ipfix(view, at, end);
      // Of a version in four bytes, these are the first.
      case 0:
        return this.#sflow5(view, at, end);
      default:
        return Verdict.VERSION;
    }
  }

  #netflow5(view: DataView, at: number, end: number): Verdict {
    if (end - at < HEADER_5_BYTES) return Verdict.TRUNCATED;
    const count = view.getUint16(at + COUNT_5);
    const domain = this.#exporter.domain(Protocol.NETFLOW5, view.getUint16(at + ENGINE_5));
    domain?.sequence.takeLoosely(view.getUint32(at + SEQUENCE_5), count, 0);
    const interval = view.getUint16(at + SAMPLING_5) & INTERVAL_5_MASK;
    const flow = this.#flow;
    flow.numbers.fill(0);
    flow.interfaces = undefined;
    at += HEADER_5_BYTES;
    let read = 0;
    for (; read < count; read++) {
      at = this.#template5.read(view, at, end, flow);
      if (at < 0) break;
      flow.interval = interval;
      this.#emit(Protocol.NETFLOW5);
    }
    return read === count ? Verdict.READ : Verdict.TRUNCATED;
  }

  #netflow9(view: DataView, at: number, end: number): Verdict {
    if (end - at < HEADER_9_BYTES) return Verdict.TRUNCATED;
    const domain = this.#exporter.domain(Protocol.NETFLOW9, view.getUint32(at + 16));
    if (domain === undefined) return Verdict.CROWDED;
    domain.sequence.take(view.getUint32(at + 12), 1);
    return this.#sets(domain, view, at + HEADER_9_BYTES, end);
  }

  #ipfix(view: DataView, at: number, end: number): Verdict {
    if (end - at < HEADER_IPFIX_BYTES) return Verdict.TRUNCATED;
    const stop = at + view.getUint16(at + 2);
    if (stop > end) return Verdict.TRUNCATED;
    if (stop < at + HEADER_IPFIX_BYTES) return Verdict.MALFORMED;
    const domain = this.#exporter.domain(Protocol.IPFIX, view.getUint32(at + 12));
    if (domain === undefined) return Verdict.CROWDED;
    const sequence = view.getUint32(at + 8);
    this.#units = 0;
    this.#optionUnits = 0;
    this.#hasUnknown = false;
    const verdict = this.#sets(domain, view, at + HEADER_IPFIX_BYTES, stop);
    if (this.#hasUnknown || verdict !== Verdict.READ) domain.sequence.forget();
    else domain.sequence.takeLoosely(sequence, this.#units, this.#optionUnits);
    return verdict;
  }

  #sflow5(view: DataView, at: number, end: number): Verdict {
    if (end - at < 8) return Verdict.TRUNCATED;
    const addressBytes = ADDRESS_BYTES[view.getUint32(at + 4)];
    if (view.getUint32(at) !== VERSION_SFLOW) return Verdict.VERSION;
    if (addressBytes === undefined) return Verdict.MALFORMED;
    const header = at + 8 + addressBytes;
    if (header + 16 > end) return Verdict.TRUNCATED;
    const domain = this.#exporter.domain(Protocol.SFLOW5, view.getUint32(header));
    domain?.sequence.take(view.getUint32(header + 4), 1);
    this.#flow.interfaces = domain?.interfaces;
    const count = view.getUint32(header + 12);
    let next = header + 16;
    for (let k = 0; k < count; k++) {
      if (next + 8 > end) return Verdict.TRUNCATED;
      const stop = next + 8 + view.getUint32(next + 4);
      if (stop > end) return Verdict.TRUNCATED;
      if (!this.#sample(view.getUint32(next), view, next + 8, stop)) return Verdict.MALFORMED;
      next = stop;
    }
    return Verdict.READ;
  }

  /** Samples of counters may name an interface; those of other kinds are passed over. */
  #sample(kind: number, view: DataView, at: number, end: number): boolean {
    if (kind === SAMPLE_COUNTERS || kind === SAMPLE_COUNTERS_EXPANDED) {
      return readPortName(view, at, end, kind === SAMPLE_COUNTERS_EXPANDED, this.#flow.interfaces);
    }
    if (kind !== SAMPLE_FLOW && kind !== SAMPLE_FLOW_EXPANDED) return true;
    const sample = this.#samples.read(view, at, end, kind === SAMPLE_FLOW_EXPANDED);
    if (sample === Sample.WITHOUT_SIZE) this.#sink.uncounted();
    if (sample === Sample.FLOW && !(this.#samples.hasDirection && this.#passesOver())) this.#emit(Protocol.SFLOW5);
    return sample !== Sample.TRUNCATED;
  }

  /** Less than the header of a set may stand behind the last, as padding, or zeros (Cisco ACI, Palo Alto). */
  #sets(domain: Domain, view: DataView, at: number, end: number): Verdict {
    while (at + SET_HEADER_BYTES <= end) {
      const id = view.getUint16(at);
      const length = view.getUint16(at + 2);
      const stop = at + length;
      if (length < SET_HEADER_BYTES) return id === 0 && length === 0 ? Verdict.READ : Verdict.MALFORMED;
      if (stop > end) return Verdict.TRUNCATED;
      const isSound =
        id < MIN_DATA_SET
          ? this.#templates(domain, id, view, at + SET_HEADER_BYTES, stop)
          : this.#data(domain, id, view, at + SET_HEADER_BYTES, stop);
      if (!isSound) return Verdict.MALFORMED;
      at = stop;
    }
    return Verdict.READ;
  }

  /** Sets of other ids are of no protocol yet, and passed over. */
  #templates(domain: Domain, id: number, view: DataView, at: number, end: number): boolean {
    const reader = new TemplateReader(domain, view, at, end, this.#uses, (template) =>
      this.#readHeld(domain, template),
    );
    if (domain.protocol === Protocol.IPFIX) {
      return (id !== SET_TEMPLATES_IPFIX && id !== SET_OPTIONS_IPFIX) || reader.readIpfix(id === SET_OPTIONS_IPFIX);
    }
    if (id === SET_TEMPLATES_9) return reader.read9();
    return id !== SET_OPTIONS_9 || reader.readOptions9();
  }

  #data(domain: Domain, id: number, view: DataView, at: number, end: number): boolean {
    const layout = domain.layout(id);
    if (layout !== undefined) return this.#records(domain, layout, view, at, end);
    this.#hasUnknown = true;
    this.#room.held.hold(domain.held, id, view, at, end);
    return true;
  }

  /** Reads what has waited for a template. */
  #readHeld(domain: Domain, id: number): void {
    const layout = domain.layout(id);
    if (layout === undefined || domain.held.size === 0) return;
    const [units, optionUnits] = [this.#units, this.#optionUnits];
    for (const bytes of this.#room.held.take(domain.held, id)) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      this.#records(domain, layout, view, 0, bytes.length);
    }
    this.#units = units;
    this.#optionUnits = optionUnits;
  }

  /** What is too short for a record at the end of a set is padding. */
  #records(domain: Domain, { template, isOptions }: Layout, view: DataView, at: number, end: number): boolean {
    const flow = this.#flow;
    flow.numbers.fill(0);
    flow.interfaces = domain.interfaces;
    while (at + template.minBytes <= end) {
      if (template.hasPost) flow.clearCounts();
      at = template.read(view, at, end, flow);
      if (at < 0) return false;
      this.#units++;
      if (template.hasPost) flow.usePost();
      if (isOptions) {
        this.#optionUnits++;
        domain.learn(flow, view, template);
      } else if (template.hasBytes) {
        flow.interval = domain.samplers.intervalOf(flow);
        // One of both ways counts for both, or for none.
        if (template.hasDirection && this.#passesOver()) continue;
        this.#emit(domain.protocol);
        if (template.hasReverse) this.#emitReverse(domain.protocol);
      } else {
        this.#sink.uncounted();
      }
    }
    return true;
  }

  #emit(protocol: Protocol): void {
    const exporter = this.#exporter;
    exporter.records[protocol]!++;
    if (this.#flow.interval > 0) exporter.interval = this.#flow.interval;
    this.#sink.flow(this.#flow);
  }

  /** Whether the record, which tells its direction, is not to count. */
  #passesOver(): boolean {
    if (!this.#exporter.passesOver(this.#flow, this.#counted)) return false;
    this.#sink.repeated(this.#flow);
    return true;
  }

  /** The way back, if anything came on it. */
  #emitReverse(protocol: Protocol): void {
    const { numbers } = this.#flow;
    if (numbers[Field.REVERSE_BYTES] === 0 && numbers[Field.REVERSE_PACKETS] === 0) return;
    this.#flow.reverse();
    this.#emit(protocol);
    // Fields stand where others were, which the next record need not have.
    numbers.fill(0);
  }
}
