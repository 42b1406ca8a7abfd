import { NO_ZONE, Spans } from "../ledger/zones/spans.ts";
import { orderOf } from "./prefix-order.ts";
import type { PrefixSet } from "./prefix-set.ts";

const WORDS = 4;
/** Prefixes that hold one address: one of each length. */
const MAX_OPEN = 129;
/** Stands for no prefix. */
const NONE = -1;

/** All addresses, cut where the longest prefix that holds them changes, and how prefixes stand to each other. */
export interface SweptPrefixes {
  /** The zone of a span is 1 more than the label set of its prefix, or NO_ZONE if none holds it. */
  readonly ipv4: Spans;
  readonly ipv6: Spans;
  /** Prefixes that are there before: the first one counts. */
  readonly repeated: number;
  /** Indexes of the first that is repeated, in the order of addresses, and of the one that repeats it. */
  readonly example: readonly [earlier: number, later: number] | undefined;
  /** Prefixes that never count, because longer ones have all their addresses. */
  readonly covered: number;
}

/** Goes through all addresses, once. */
export function sweepPrefixes(set: PrefixSet): SweptPrefixes {
  const order = orderOf(set);
  // Read one behind the other, they are in the cache.
  const sorted = inOrder(set, order);
  const [ipv4, ipv6] = [new Sweep(sorted, 4), new Sweep(sorted, 6)];
  for (let prefix = 0; prefix < set.count; prefix++) (sorted.versions[prefix] === 4 ? ipv4 : ipv6).open(prefix);
  const spans = { ipv4: ipv4.end(), ipv6: ipv6.end() };
  const example = ipv4.example ?? ipv6.example;
  return {
    ...spans,
    repeated: ipv4.repeated + ipv6.repeated,
    example: example && [order[example[0]]!, order[example[1]]!],
    covered: ipv4.covered + ipv6.covered,
  };
}

type Prefixes = Pick<PrefixSet, "versions" | "words" | "bits" | "sets">;

function inOrder({ versions, words, bits, sets }: PrefixSet, order: Uint32Array): Prefixes {
  const sorted = {
    versions: new Uint8Array(order.length),
    words: new Uint32Array(WORDS * order.length),
    bits: new Uint8Array(order.length),
    sets: new Uint32Array(order.length),
  };
  for (let to = 0; to < order.length; to++) {
    const from = order[to]!;
    sorted.versions[to] = versions[from]!;
    for (let word = 0; word < WORDS; word++) sorted.words[WORDS * to + word] = words[WORDS * from + word]!;
    sorted.bits[to] = bits[from]!;
    sorted.sets[to] = sets[from]!;
  }
  return sorted;
}

/** Goes through the addresses of a version, and knows which prefixes hold the one it is at. */
class Sweep {
  repeated = 0;
  example: readonly [number, number] | undefined;
  readonly #sorted: Prefixes;
  readonly #spans: Spans;
  /** The first of the words that an address has. */
  readonly #firstWord: number;
  /* Of the prefixes that are open, the longest one last. */
  #open = 0;
  readonly #lasts = new Uint32Array(MAX_OPEN * WORDS);
  readonly #prefixes = new Int32Array(MAX_OPEN);
  /** Where the next span starts, and whose it is; it may turn out to be shorter than an address. */
  readonly #start = new Uint32Array(WORDS);
  #owner = NONE;
  readonly #next = new Uint32Array(WORDS);
  /** Prefix → 1 of those that have a span. */
  readonly #counts: Uint8Array;
  #seen = 0;
  #counting = 0;

  constructor(sorted: Prefixes, version: 4 | 6) {
    this.#sorted = sorted;
    this.#firstWord = version === 4 ? WORDS - 1 : 0;
    this.#spans = new Spans(version);
    this.#counts = new Uint8Array(sorted.sets.length);
  }

  /** How many have no span. */
  get covered(): number {
    return this.#seen - this.#counting;
  }

  open(prefix: number): void {
    const { words, bits } = this.#sorted;
    const at = prefix * WORDS;
    while (this.#open > 0 && this.#isBehind(words, at)) this.#close();
    const around = this.#open > 0 ? this.#prefixes[this.#open - 1]! : NONE;
    // Two of one length that hold the same address are the same.
    if (around !== NONE && bits[around] === bits[prefix]) {
      this.repeated++;
      this.example ??= [around, prefix];
      return;
    }
    this.#seen++;
    const top = this.#open++;
    this.#prefixes[top] = prefix;
    for (let word = this.#firstWord; word < WORDS; word++) {
      const hostBits = Math.min(32, Math.max(0, (word + 1 - this.#firstWord) * 32 - bits[prefix]!));
      const mask = hostBits === 32 ? -1 : (1 << hostBits) - 1;
      this.#lasts[top * WORDS + word] = (words[at + word]! | mask) >>> 0;
    }
    this.#cut(words, at, prefix);
  }

  end(): Spans {
    while (this.#open > 0) this.#close();
    this.#add();
    return this.#spans;
  }

  /** Whether an address is behind all of the longest prefix that is open. */
  #isBehind(words: Uint32Array, at: number): boolean {
    const last = (this.#open - 1) * WORDS;
    for (let word = this.#firstWord; word < WORDS; word++) {
      const difference = words[at + word]! - this.#lasts[last + word]!;
      if (difference !== 0) return difference > 0;
    }
    return false;
  }

  /** Ends the longest prefix that is open: what is behind belongs to the one around it. */
  #close(): void {
    const last = --this.#open * WORDS;
    for (let word = this.#firstWord; word < WORDS; word++) this.#next[word] = this.#lasts[last + word]!;
    let word = WORDS - 1;
    while (word >= this.#firstWord && ++this.#next[word]! > 0xffff_ffff) word--;
    if (word >= this.#firstWord) this.#cut(this.#next, 0, this.#open === 0 ? NONE : this.#prefixes[this.#open - 1]!);
  }

  /** From an address on, everything belongs to another prefix. */
  #cut(words: Uint32Array, at: number, owner: number): void {
    let isSame = true;
    for (let word = this.#firstWord; word < WORDS; word++) isSame &&= this.#start[word] === words[at + word];
    if (!isSame) {
      this.#add();
      for (let word = this.#firstWord; word < WORDS; word++) this.#start[word] = words[at + word]!;
    }
    this.#owner = owner;
  }

  #add(): void {
    const [start, owner] = [this.#start, this.#owner];
    const zone = owner === NONE ? NO_ZONE : this.#sorted.sets[owner]! + 1;
    if (this.#firstWord > 0) this.#spans.add(start[WORDS - 1]!, 0, 0, 0, zone);
    else this.#spans.add(start[0]!, start[1]!, start[2]!, start[3]!, zone);
    if (owner === NONE || this.#counts[owner] === 1) return;
    this.#counts[owner] = 1;
    this.#counting++;
  }
}
