import { messageOf } from "../../../errors.ts";
import type { Nft } from "../backends.ts";
import { type Limits, type Outcome, Program } from "../program.ts";
import { type Reading, readingOf } from "../reading.ts";
import type { ReadOptions } from "../tally.ts";
import { Ruleset } from "./ruleset.ts";

/** What iptables-nft shows of nftables; `family` as the page names it. */
export interface Foreign {
  /** Whether all of the table is iptables-nft's. */
  hasTable(family: string, table: string): boolean;
  hasChain(family: string, table: string, chain: string): boolean;
}

export interface NftReading extends Reading {
  readonly ruleset: Ruleset;
}

interface Listing {
  readonly ruleset: Ruleset;
  readonly outcome: Outcome;
}

const NOTHING: Foreign = { hasTable: () => false, hasChain: () => false };
/** Names that nft takes on its command line; others are found in the whole ruleset. */
const PLAIN_NAME = /^[A-Za-z][\w./-]*$/;
/** With more tables to ask for than this, the whole ruleset is asked for. */
const MAX_TABLES = 8;
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ["ipv4", "ip"],
  ["ipv6", "ip6"],
]);

/** Asks `nft -j` for the rules, and for what has a name. */
export class NftReader {
  readonly #nft: Nft;
  readonly #program: Program;
  readonly #options: ReadOptions;

  constructor(nft: Nft, options: ReadOptions) {
    this.#nft = nft;
    this.#program = new Program(nft.path);
    this.#options = options;
  }

  /** Leaves out what is `foreign`, once that is known; undefined stands for a host without iptables-nft. */
  async read(foreign: Promise<Foreign> | undefined, limits: Limits): Promise<NftReading> {
    const start = performance.now();
    const listing = await (foreign === undefined
      ? this.#list(["ruleset"], NOTHING, limits)
      : this.#listOwn(foreign, limits));
    const { ruleset, outcome } = listing;
    return { ...readingOf(this.#nft, start, outcome, ruleset), ruleset };
  }

  /**
   * nft takes 40 µs for a rule of iptables, many times what iptables-nft-save takes, and 20 µs for one that it only
   * skips (nftables 1.0.6). So it is asked for tables first, and then for the tables that are not iptables-nft's.
   */
  async #listOwn(foreign: Promise<Foreign>, limits: Limits): Promise<Listing> {
    const all = await this.#list(["tables"], NOTHING, limits);
    if (all.outcome.error !== undefined) return all;
    const known = await foreign;
    const { tables } = all.ruleset;
    const own = tables.filter(([family, table]) => !known.hasTable(family, table));
    const isShort = own.length < tables.length && own.length <= MAX_TABLES;
    if (isShort && own.every(([, table]) => PLAIN_NAME.test(table))) {
      const listing = await this.#listTables(own, known, limits);
      // A table may be gone by now, or have a name that means something else to nft.
      if (listing.outcome.error === undefined) return listing;
    }
    return this.#list(["ruleset"], known, limits);
  }

  async #listTables(tables: readonly [string, string][], foreign: Foreign, limits: Limits): Promise<Listing> {
    const ruleset = this.#empty(foreign);
    let outcome: Outcome = { exitStatus: 0, error: undefined, stderr: "" };
    for (const [family, table] of tables) {
      outcome = await this.#run(["table", FAMILIES.get(family) ?? family, table], ruleset, limits);
      if (outcome.error !== undefined) break;
    }
    return { ruleset, outcome };
  }

  async #list(what: readonly string[], foreign: Foreign, limits: Limits): Promise<Listing> {
    const ruleset = this.#empty(foreign);
    return { ruleset, outcome: await this.#run(what, ruleset, limits) };
  }

  #empty(foreign: Foreign): Ruleset {
    return new Ruleset(this.#options, (family, table, chain) => foreign.hasChain(family, table, chain));
  }

  async #run(what: readonly string[], ruleset: Ruleset, limits: Limits): Promise<Outcome> {
    const outcome = await this.#program.run(["-j", "list", ...what], (bytes) => ruleset.read(bytes), limits);
    if (outcome.error !== undefined) return outcome;
    try {
      ruleset.end();
      return outcome;
    } catch (error) {
      return { ...outcome, error: messageOf(error) };
    }
  }
}
