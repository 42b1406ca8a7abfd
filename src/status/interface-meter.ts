import { SLOT_DOUBLES, SUM } from "../ledger/histogram.ts";
import { ALL_SLOT } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";

/** Values of a chart: a minute, if it is live. */
export const HISTORY = 60;
/** What is longer ago than so many seconds says nothing of now. */
const MAX_GAP_SECONDS = 60;

/** What an interface carries. */
export interface InterfaceRate {
  /** Bytes and packets a second; undefined until it was read twice, and again if that was long ago. */
  readonly bytes: number | undefined;
  readonly packets: number | undefined;
  /** Bytes a second, the newest last. */
  readonly history: readonly number[];
}

interface Reading {
  atMs: number;
  bytes: number;
  packets: number;
  rate: InterfaceRate;
}

/** Tells what interfaces carry, by what their ledgers held when they were last read. */
export class InterfaceMeter {
  readonly #ledger: Ledger;
  #readings = new Map<string, Reading>();
  #readAtMs = Number.NEGATIVE_INFINITY;
  #hasRates = false;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  /** Whether the last reading could tell rates. */
  get hasRates(): boolean {
    return this.#hasRates;
  }

  /** Reads all interfaces. `nowMs`: of a clock that never steps back. */
  read(nowMs: number): void {
    const readings = new Map<string, Reading>();
    for (const ledger of this.#ledger.interfaces()) {
      const { name } = ledger;
      let [bytes, packets] = [0, 0];
      for (const { slots } of ledger.parts()) {
        bytes += slots.counters[ALL_SLOT * SLOT_DOUBLES + SUM]!;
        packets += slots.packets(ALL_SLOT);
      }
      const before = this.#readings.get(name);
      readings.set(name, { atMs: nowMs, bytes, packets, rate: rateSince(before, nowMs, bytes, packets) });
    }
    this.#readings = readings;
    this.#hasRates = nowMs - this.#readAtMs <= 1000 * MAX_GAP_SECONDS;
    this.#readAtMs = nowMs;
  }

  rateOf(name: string): InterfaceRate {
    return this.#readings.get(name)?.rate ?? NOTHING;
  }
}

const NOTHING: InterfaceRate = { bytes: undefined, packets: undefined, history: [] };

function rateSince(before: Reading | undefined, nowMs: number, bytes: number, packets: number): InterfaceRate {
  // Counters begin again if an interface was forgotten meanwhile.
  if (before === undefined || bytes < before.bytes || nowMs <= before.atMs) return NOTHING;
  const seconds = (nowMs - before.atMs) / 1000;
  if (seconds > MAX_GAP_SECONDS) return NOTHING;
  const rate = (bytes - before.bytes) / seconds;
  const history = [...before.rate.history, rate].slice(-HISTORY);
  return { bytes: rate, packets: (packets - before.packets) / seconds, history };
}
