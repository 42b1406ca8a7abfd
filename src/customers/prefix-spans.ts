import { NO_ZONE, Spans } from "../ledger/zones/spans.ts";
import { orderOf } from "./prefix-order.ts";
import type { PrefixSet } from "./prefix-set.ts";

const WORDS = 4;
/** Prefixes that hold one address: one of each length. */
const MAX_OPEN = 129;

/**
 * Cuts all addresses of a version where the longest prefix that holds them changes. The zone of a span is 1 more than the
 * label set of its prefix, or NO_ZONE if none holds it. Of repeated prefixes the first counts. `order`: see orderOf.
 */
export function spansOf(set: PrefixSet, version: 4 | 6, order = orderOf(set)): Spans {
  const sweep = new Sweep(set, version);
  for (const prefix of order) if (set.versions[prefix] === version) sweep.open(prefix);
  return sweep.end();
}

/** Goes through the addresses, and knows which prefixes hold the one it is at. */
class Sweep {
  readonly #set: PrefixSet;
  readonly #spans: Spans;
  readonly #version: 4 | 6;
  /** Bits before the address in its words. */
  readonly #unusedBits: number;
  /* Of the prefixes that are open, the longest one last. */
  #open = 0;
  readonly #lasts = new Uint32Array(MAX_OPEN * WORDS);
  readonly #bits = new Uint8Array(MAX_OPEN);
  readonly #zones = new Uint32Array(MAX_OPEN);
  /** Where the next span starts; it may turn out to be shorter than an address. */
  readonly #start = new Uint32Array(WORDS);
  #zone = NO_ZONE;
  readonly #next = new Uint32Array(WORDS);

  constructor(set: PrefixSet, version: 4 | 6) {
    this.#set = set;
    this.#version = version;
    this.#unusedBits = version === 4 ? 96 : 0;
    this.#spans = new Spans(version);
  }

  open(prefix: number): void {
    const { words, bits, sets } = this.#set;
    const at = prefix * WORDS;
    while (this.#open > 0 && this.#isBehind(words, at)) this.#close();
    // Two of one length that hold the same address are the same.
    if (this.#open > 0 && this.#bits[this.#open - 1] === bits[prefix]) return;
    const top = this.#open++;
    this.#bits[top] = bits[prefix]!;
    this.#zones[top] = sets[prefix]! + 1;
    for (let word = 0; word < WORDS; word++) {
      const hostBits = Math.min(32, Math.max(0, (word + 1) * 32 - this.#unusedBits - bits[prefix]!));
      const mask = hostBits === 32 ? 0xffff_ffff : 2 ** hostBits - 1;
      this.#lasts[top * WORDS + word] = (words[at + word]! | mask) >>> 0;
    }
    this.#cut(words, at, this.#zones[top]);
  }

  end(): Spans {
    while (this.#open > 0) this.#close();
    this.#add();
    return this.#spans;
  }

  /** Whether an address is behind all of the longest prefix that is open. */
  #isBehind(words: Uint32Array, at: number): boolean {
    const last = (this.#open - 1) * WORDS;
    for (let word = 0; word < WORDS; word++) {
      const difference = words[at + word]! - this.#lasts[last + word]!;
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  /** Ends the longest prefix that is open: what is behind belongs to the one around it. */
  #close(): void {
    const last = --this.#open * WORDS;
    this.#next.set(this.#lasts.subarray(last, last + WORDS));
    const first = this.#unusedBits / 32;
    let word = WORDS - 1;
    while (word >= first && ++this.#next[word]! > 0xffff_ffff) word--;
    if (word >= first) this.#cut(this.#next, 0, this.#open === 0 ? NO_ZONE : this.#zones[this.#open - 1]!);
  }

  /** From an address on, everything is of another zone. */
  #cut(words: Uint32Array, at: number, zone: number): void {
    let isSame = true;
    for (let word = 0; word < WORDS; word++) isSame &&= this.#start[word] === words[at + word];
    if (!isSame) {
      this.#add();
      for (let word = 0; word < WORDS; word++) this.#start[word] = words[at + word]!;
    }
    this.#zone = zone;
  }

  #add(): void {
    const start = this.#start;
    if (this.#version === 4) this.#spans.add(start[3]!, 0, 0, 0, this.#zone);
    else this.#spans.add(start[0]!, start[1]!, start[2]!, start[3]!, this.#zone);
  }
}
