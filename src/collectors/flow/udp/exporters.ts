import { Exporter, PROTOCOLS, type Room } from "../../../flows/exporter.ts";
import type { NetworkSet } from "../../connections/network-set.ts";
import type { ExporterNames } from "./exporter-names.ts";
import type { InterfaceNamesFile, NamesByIndex } from "./interface-names.ts";
import { formatIpv4, formatIpv6, IPV4_MAPPED, parseAddress } from "../../../packet/address.ts";

/** Exporters that are told apart; the rest are counted together. */
export const MAX_EXPORTERS = 1024;
/** After which an exporter may give its place to another. */
const MIN_SILENCE_MS = 600_000;

const OTHER = "other";

/** An exporter, by its address. */
export interface KnownExporter {
  /** Its address. */
  readonly name: string;
  /** In four words; those of IPv4 are mapped. */
  readonly address: Uint32Array;
  /** What its records call it, and the same in UTF-8. */
  called: string;
  text: Uint8Array;
  /** What a file calls its interfaces. */
  interfaces: NamesByIndex | undefined;
  /** What is known of it for reading what it sends. */
  readonly exporter: Exporter;
  datagrams: number;
  /** In milliseconds since 1970. */
  lastSeenMs: number;
}

export interface ExportersOptions {
  /** Whose datagrams are taken; null: those of all. */
  readonly allowed?: NetworkSet | null;
  readonly names?: ExporterNames | null;
  readonly interfaces?: InterfaceNamesFile | null;
  readonly max?: number;
  /** Told that an exporter has another name, or gave its place to another. */
  readonly onChange?: (() => void) | undefined;
}

/** All exporters that are heard of, a bounded number. */
export class Exporters {
  /** Stands for all that found no place, and for those that gave theirs. */
  readonly other: KnownExporter;
  /** Exporters that gave their place to others. */
  evictions = 0;
  readonly #room: Room;
  #allowed: NetworkSet | null;
  #names: ExporterNames | null;
  #interfaces: InterfaceNamesFile | null;
  readonly #max: number;
  readonly #onChange: (() => void) | undefined;
  /** What the files held when they were last looked at. */
  #named: unknown[] = [];
  readonly #words = new Uint32Array(4);
  readonly #known = new Map<string, KnownExporter>();
  /** By their addresses, folded to a word: of those with the same one, that which was heard last. */
  readonly #byFold = new Map<number, KnownExporter>();
  /** Before it nobody has been silent for long enough. */
  #nextEvictionMs = 0;

  constructor(room: Room, options: ExportersOptions = {}) {
    const { allowed = null, names = null, interfaces = null, max = MAX_EXPORTERS } = options;
    this.#room = room;
    this.#allowed = allowed;
    this.#names = names;
    this.#interfaces = interfaces;
    this.#max = max;
    this.#onChange = options.onChange;
    this.other = knownBy(OTHER, new Uint32Array(4), new Exporter(null));
  }

  get count(): number {
    return this.#known.size;
  }

  all(): Iterable<KnownExporter> {
    return this.#known.values();
  }

  /** Has exporters and interfaces called as their files say now, which are read again if they have changed. */
  refresh(): void {
    const [names, interfaces] = [this.#names, this.#interfaces];
    names?.refresh();
    interfaces?.refresh();
    const named = [names?.names, interfaces?.names];
    if (named.every((each, k) => each === this.#named[k])) return;
    this.#named = named;
    for (const known of this.#known.values()) this.#name(known);
    this.#onChange?.();
  }

  /** Goes on with other addresses that are to be heard, and other files of names. */
  use({ allowed = null, names = null, interfaces = null }: ExportersOptions): void {
    this.#allowed = allowed;
    this.#names = names;
    this.#interfaces = interfaces;
    for (const known of this.#known.values()) {
      if (allowed?.has(known.address) === false) this.#drop(known);
      else this.#name(known);
    }
    this.#onChange?.();
  }

  #name(known: KnownExporter): void {
    known.called = this.#names?.names.get(known.name) ?? known.name;
    known.text = encoder.encode(known.called);
    known.interfaces = this.#interfaces?.names.get(known.name);
  }

  /** Whether what comes from an address is to be heard. Hot. */
  hears(word0: number, word1: number, word2: number, word3: number): boolean {
    if (this.#allowed === null) return true;
    const words = this.#words;
    words[0] = word0;
    words[1] = word1;
    words[2] = word2;
    words[3] = word3;
    return this.#allowed.has(words);
  }

  /** The exporter of an address, in four words, at a time; undefined if it is not to be heard. Hot. */
  find(word0: number, word1: number, word2: number, word3: number, nowMs: number): KnownExporter | undefined {
    const fold = word0 ^ word1 ^ word2 ^ word3;
    const likely = this.#byFold.get(fold);
    if (likely !== undefined && isAt(likely, word0, word1, word2, word3)) return likely;
    if (!this.hears(word0, word1, word2, word3)) return undefined;
    const isIpv4 = word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED;
    const name = isIpv4 ? formatIpv4(word3) : formatIpv6(word0, word1, word2, word3);
    const found = this.#known.get(name);
    if (found !== undefined) {
      this.#byFold.set(fold, found);
      return found;
    }
    if (this.#known.size >= this.#max && !this.#evict(nowMs)) return this.other;
    const known = knownBy(name, Uint32Array.of(word0, word1, word2, word3), new Exporter(this.#room));
    this.#name(known);
    this.#known.set(name, known);
    this.#byFold.set(fold, known);
    return known;
  }

  /** The exporter of an address that a run before has written, to add to; undefined if it is not to be heard. */
  restored(name: string): KnownExporter | undefined {
    if (name === OTHER) return this.other;
    const address = parseAddress(name);
    if (address === null) throw new Error("it has an exporter without an address");
    const value = address.version === 4 ? 0xffff_0000_0000n | address.value : address.value;
    const word = (k: number): number => Number((value >> BigInt(96 - 32 * k)) & 0xffff_ffffn);
    return this.find(word(0), word(1), word(2), word(3), 0);
  }

  /** Has the one that has been silent longest give its place, if that is long enough. */
  #evict(nowMs: number): boolean {
    if (nowMs < this.#nextEvictionMs) return false;
    const silent = [...this.#known.values()].reduce((a, b) => (b.lastSeenMs < a.lastSeenMs ? b : a));
    this.#nextEvictionMs = silent.lastSeenMs + MIN_SILENCE_MS;
    if (nowMs < this.#nextEvictionMs) return false;
    this.#drop(silent);
    this.evictions++;
    this.#onChange?.();
    return true;
  }

  /** Forgets an exporter; what it has sent goes to the others. */
  #drop(known: KnownExporter): void {
    this.#known.delete(known.name);
    const fold = known.address.reduce((folded, word) => folded ^ word, 0);
    if (this.#byFold.get(fold) === known) this.#byFold.delete(fold);
    known.exporter.leave();
    this.#addToOther(known);
  }

  #addToOther({ datagrams, exporter, lastSeenMs }: KnownExporter): void {
    const { other } = this;
    other.datagrams += datagrams;
    other.lastSeenMs = Math.max(other.lastSeenMs, lastSeenMs);
    for (let k = 0; k < PROTOCOLS.length; k++) other.exporter.records[k]! += exporter.records[k]!;
  }
}

/** Whether an exporter has this address. Hot. */
function isAt({ address }: KnownExporter, word0: number, word1: number, word2: number, word3: number): boolean {
  return address[3] === word3 && address[2] === word2 && address[1] === word1 && address[0] === word0;
}

const encoder = new TextEncoder();

function knownBy(name: string, address: Uint32Array, exporter: Exporter): KnownExporter {
  const text = encoder.encode(name);
  return { name, address, called: name, text, interfaces: undefined, exporter, datagrams: 0, lastSeenMs: 0 };
}
