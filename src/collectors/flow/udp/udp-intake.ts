import { Decoder } from "../../../flows/decoder.ts";
import { type CountedDirection, Room } from "../../../flows/exporter.ts";
import { Field, type Flow, FLOW_EGRESS, FLOW_INGRESS } from "../../../flows/flow.ts";
import { readAgent } from "../../../flows/sflow/agent.ts";
import { Verdict } from "../../../flows/verdict.ts";
import type { FlowLedger } from "../flow-ledger.ts";
import { Verdict as RecordVerdict } from "../records/flow-record.ts";
import type { FlowAccounts } from "./flow-accounts.ts";
import { Exporters, type ExportersOptions, type KnownExporter } from "./exporters.ts";
import type { FlowSystems } from "./flow-systems.ts";
import { isAddressKey, isPortKey, RecordWriter } from "./record-writer.ts";

/** How sampled counts are made whole: by what the exporter tells, not at all, or by a number. */
export type Sampling = "auto" | "none" | number;

/** What of the records is counted, and whose. */
export interface CountingOptions extends ExportersOptions {
  readonly sampling: Sampling;
  readonly direction?: CountedDirection;
}

/** Likewise, with what can't be another later. */
export interface IntakeOptions extends CountingOptions {
  /** What counts flows as frames are counted. */
  readonly accounts?: FlowAccounts | undefined;
  /** What knows the ASes that records don't tell. */
  readonly systems?: FlowSystems | undefined;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

/** Datagrams that came together. */
export interface Datagrams {
  /** All of them: the k-th is [start(k), end(k)). */
  readonly view: DataView;
  start(k: number): number;
  end(k: number): number;
  /** A word of the sender's address, as one of IPv6. */
  senderWord(k: number, word: number): number;
}

/** Counts what datagrams hold: flows into the ledger, and the rest by its reason. */
export class UdpIntake {
  readonly room = new Room();
  readonly exporters: Exporters;
  /** Datagrams by Verdict. */
  readonly verdicts = new Float64Array(Object.keys(Verdict).length);
  /** Datagrams of exporters that are not to be heard. */
  notAllowed = 0;
  /** Records that were not counted, by the Verdict of records. */
  readonly refusals = new Float64Array(Object.keys(RecordVerdict).length);
  /** Records of packets that count where they are reported in the other direction, by FLOW_INGRESS and FLOW_EGRESS. */
  readonly repeatedRecords = new Float64Array(2);
  readonly accounts: FlowAccounts | undefined;
  readonly systems: FlowSystems | undefined;
  /** Whether addresses are read of records. */
  readonly hasAddresses: boolean;
  readonly #decoder: Decoder;
  readonly #ledger: FlowLedger;
  readonly #writer: RecordWriter;
  /** The agent of a datagram of sFlow. */
  readonly #agent = new Uint32Array(4);
  #sampling: Sampling;
  readonly #now: () => number;

  constructor(ledger: FlowLedger, options: IntakeOptions) {
    const { sampling, direction, accounts, systems, now = Date.now } = options;
    this.accounts = accounts;
    this.systems = systems;
    const { textKeys } = ledger.sets;
    this.hasAddresses = accounts !== undefined || systems !== undefined || textKeys.some(isAddressKey);
    this.exporters = new Exporters(this.room, { ...options, onChange: () => this.#retainAccounts() });
    this.#ledger = ledger;
    this.#sampling = sampling;
    this.#now = now;
    this.#writer = new RecordWriter(textKeys);
    this.#decoder = new Decoder(
      {
        flow: (flow) => this.#count(flow),
        uncounted: () => this.refusals[RecordVerdict.NO_BYTES]!++,
        repeated: ({ numbers }) =>
          this.repeatedRecords[numbers[Field.DIRECTION] === FLOW_EGRESS ? FLOW_EGRESS : FLOW_INGRESS]!++,
      },
      this.room,
      { direction, hasAddresses: this.hasAddresses, hasPorts: textKeys.some(isPortKey) },
    );
  }

  /** Goes on by another sampling and direction, and with other exporters. */
  use({ sampling, direction = "auto", ...exporters }: CountingOptions): void {
    this.#sampling = sampling;
    this.#decoder.use(direction);
    this.exporters.use(exporters);
  }

  /** Counts the records of the first `count` datagrams. Hot. */
  take(batch: Datagrams, count: number): void {
    const nowMs = this.#now();
    this.room.held.advance(nowMs);
    for (let k = 0; k < count; k++) {
      const known = this.#exporterOf(batch, k, nowMs);
      if (known === undefined) {
        this.notAllowed++;
        continue;
      }
      known.datagrams++;
      known.lastSeenMs = nowMs;
      this.#writer.begin(known);
      this.accounts?.begin(known.called);
      this.verdicts[this.#decoder.decode(known.exporter, batch.view, batch.start(k), batch.end(k))]!++;
    }
  }

  /** Whose datagram the k-th is, undefined if it is not to be heard: that of sFlow is of its agent, if that is. Hot. */
  #exporterOf(batch: Datagrams, k: number, nowMs: number): KnownExporter | undefined {
    const { exporters } = this;
    const agent = this.#agent;
    const word0 = batch.senderWord(k, 0);
    const word1 = batch.senderWord(k, 1);
    const word2 = batch.senderWord(k, 2);
    const word3 = batch.senderWord(k, 3);
    const isOfAgent = readAgent(batch.view, batch.start(k), batch.end(k), agent);
    if (isOfAgent && exporters.hears(word0, word1, word2, word3)) {
      const known = exporters.find(agent[0]!, agent[1]!, agent[2]!, agent[3]!, nowMs);
      if (known !== undefined) return known;
    }
    return exporters.find(word0, word1, word2, word3, nowMs);
  }

  #count(flow: Flow): void {
    const interval = this.#sampling === "auto" ? Math.max(flow.interval, 1) : this.#intervalGiven();
    const record = this.#writer.write(flow, interval);
    if (this.systems !== undefined) this.systems.fill(flow, record);
    // What lies need not be a number that counts add up to exactly.
    if (record.bytes > Number.MAX_SAFE_INTEGER || record.packets > Number.MAX_SAFE_INTEGER) {
      this.refusals[RecordVerdict.TOO_LARGE]!++;
      return;
    }
    this.#ledger.add(record);
    if (this.accounts !== undefined) this.accounts.count(flow, record.packets, record.bytes);
  }

  #retainAccounts(): void {
    if (this.accounts === undefined) return;
    this.accounts.retain(new Set(Array.from(this.exporters.all(), ({ called }) => called)));
  }

  #intervalGiven(): number {
    return typeof this.#sampling === "number" ? this.#sampling : 1;
  }
}
