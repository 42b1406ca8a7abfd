import { setImmediate as nextTurn } from "node:timers/promises";
import { GeoDatabase } from "../../../geo/database.ts";
import { walkNetworks } from "../../../geo/networks.ts";

/** Bytes of a name; names are labels of series. */
const MAX_NAME_LENGTH = 100;
const MAX_AS = 2 ** 32 - 1;
/** As `15169 GOOGLE, US`; an "AS" before the number and space before that are common. */
const LINE = /^\s*(?:AS)?([0-9]{1,10})[\s,]+(\S.*)$/i;
/** What asn.txt of cidr-report.org has behind every name, and flow-exporter cuts off: the country. */
const COUNTRY = /,\s[A-Z]{2}$/;
const NEWLINE = 0x0a;
/** Of a line, so much is looked at: a number, a name, and many spaces. */
const LINE_BYTES = 1024;
/** Lines between two turns of the event loop: about 2 ms. */
const LINES_PER_TURN = 2048;
const DATABASE_MARK = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
const FIRST_BYTES = 64 * 1024;

const decoder = new TextDecoder();

/** Names of ASes side by side in UTF-8, and where each begins: 3 MB for all that there are. */
export class AsTable {
  /** In ascending order. */
  readonly #numbers: Uint32Array;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #names: Uint8Array;

  private constructor(numbers: Uint32Array, starts: Uint32Array, ends: Uint32Array, names: Uint8Array) {
    this.#numbers = numbers;
    this.#starts = starts;
    this.#ends = ends;
    this.#names = names;
  }

  static readonly EMPTY = new AsTable(new Uint32Array(0), new Uint32Array(0), new Uint32Array(0), new Uint8Array(0));

  /**
   * Reads a list with a line for each AS, or a MaxMind DB file with ASes. If lines have no countries, what looks like
   * one is part of the name (`Swedbank, AB`). Does not hold the event loop. Throws if there is nothing of the kind.
   */
  static async parse(name: string, bytes: Buffer, haveCountries = true): Promise<AsTable> {
    const names = new NameCollector();
    if (bytes.includes(DATABASE_MARK)) await collectFromDatabase(await GeoDatabase.open(name, bytes), names);
    else await collectFromLines(bytes, names, haveCountries);
    const { numbers, starts, ends, text } = names.sorted();
    if (numbers.length === 0) throw new Error("it names no AS: neither lines such as 15169 GOOGLE, nor an mmdb file");
    return new AsTable(numbers, starts, ends, text);
  }

  get count(): number {
    return this.#numbers.length;
  }

  nameOf(as: number): string {
    const numbers = this.#numbers;
    let low = 0;
    let high = numbers.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (numbers[middle]! < as) low = middle + 1;
      else high = middle;
    }
    if (numbers[low] !== as) return "";
    return decoder.decode(this.#names.subarray(this.#starts[low], this.#ends[low]));
  }
}

/** Takes names in any order; of several for one AS, the last. */
class NameCollector {
  /** Numbers with their turn in the lower bits, so that sorting by them keeps the order of equal ones. */
  #keys: number[] = [];
  #ends: number[] = [];
  #text = Buffer.alloc(FIRST_BYTES);

  add(as: number, name: string): void {
    if (as <= 0 || as > MAX_AS) return;
    const start = this.#ends.at(-1) ?? 0;
    if (start + MAX_NAME_LENGTH > this.#text.length) {
      this.#text = Buffer.concat([this.#text, Buffer.alloc(this.#text.length)]);
    }
    // Ends before a character that would not fit as a whole.
    const length = this.#text.write(name.replace(/\p{Cc}/gu, "\u{fffd}"), start, MAX_NAME_LENGTH);
    this.#keys.push(as * TURNS + this.#ends.length);
    this.#ends.push(start + length);
  }

  sorted(): { numbers: Uint32Array; starts: Uint32Array; ends: Uint32Array; text: Uint8Array } {
    const keys = Float64Array.from(this.#keys).sort();
    const kept = keys.filter((key, at) => Math.floor(key / TURNS) !== Math.floor((keys[at + 1] ?? 0) / TURNS));
    const turns = Uint32Array.from(kept, (key) => key % TURNS);
    return {
      numbers: Uint32Array.from(kept, (key) => key / TURNS),
      starts: turns.map((turn) => (turn === 0 ? 0 : this.#ends[turn - 1]!)),
      ends: turns.map((turn) => this.#ends[turn]!),
      text: this.#text.subarray(0, this.#ends.at(-1) ?? 0),
    };
  }
}

/** Most names that are taken; with the number of an AS before it, a turn still fits 53 bits. */
const TURNS = 2 ** 21;

async function collectFromLines(bytes: Buffer, names: NameCollector, haveCountries: boolean): Promise<void> {
  let lines = 0;
  for (let start = 0; start < bytes.length && lines < TURNS; lines++) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline < 0 ? bytes.length : newline;
    const [, number, name] =
      LINE.exec(bytes.toString("utf8", start, Math.min(end, start + LINE_BYTES)).trimEnd()) ?? [];
    if (number !== undefined && name !== undefined) {
      names.add(Number(number), haveCountries ? name.replace(COUNTRY, "") : name);
    }
    start = end + 1;
    if (lines % LINES_PER_TURN === LINES_PER_TURN - 1) await nextTurn();
  }
}

async function collectFromDatabase(database: GeoDatabase, names: NameCollector): Promise<void> {
  const seen = new Set<number>();
  for (const version of [4, 6] as const) {
    const walk = walkNetworks(database.tree, version, (_0, _1, _2, _3, pointer) => {
      if (seen.has(pointer) || seen.size >= TURNS) return;
      seen.add(pointer);
      const system = database.systemAt(pointer);
      if (system !== undefined && system.name !== "") names.add(system.number, system.name);
    });
    for (const _ of walk) await nextTurn();
  }
}
