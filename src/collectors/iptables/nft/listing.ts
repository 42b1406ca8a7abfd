import { messageOf } from "../../../errors.ts";
import type { KernelChain } from "../kernel/chains.ts";
import type { Outline } from "../kernel/kernel.ts";
import { type Limits, type Outcome, Program } from "../program.ts";
import { placeKey, type ReadOptions } from "../rule-book.ts";
import { type ChainFilter, Ruleset } from "./ruleset.ts";

/** Names that nft takes on its command line; other tables are found in the whole ruleset. */
const PLAIN_NAME = /^[A-Za-z][\w./-]*$/;
/** With more tables to ask for than this, the whole ruleset is asked for. */
const MAX_TABLES = 8;
/** What nft before 0.9.3 says of -t. */
const UNKNOWN_OPTION = /(?:unrecognized|invalid|unknown) option/i;
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ["ipv4", "ip"],
  ["ipv6", "ip6"],
]);

/** What nft printed, and how that ended. */
export interface Printout {
  readonly ruleset: Ruleset;
  readonly outcome: Outcome;
}

/** Runs `nft -j list`. */
export class Listing {
  readonly #program: Program;
  readonly #options: ReadOptions;
  /** Whether nft knows how to leave out the elements of sets. */
  #knowsTerse = true;

  constructor(path: string, options: ReadOptions) {
    this.#program = new Program(path);
    this.#options = options;
  }

  /**
   * The rules of all chains but the foreign ones. nft takes 50 µs for a rule, and nothing for a table that it is not asked
   * for (1.0.6): so it is asked for the tables that have `own` chains alone, if these are known and few.
   */
  async rules(
    isForeign: ChainFilter,
    limits: Limits,
    outline?: Outline,
    own?: readonly KernelChain[],
  ): Promise<Printout> {
    const tables = new Map(own?.map((chain) => [placeKey(chain.family, chain.table, ""), chain]));
    const isAll = own === undefined || tables.size > MAX_TABLES || tables.size === outline?.tables.length;
    if (own?.length === 0) return this.#list([], isForeign, limits);
    if (!isAll && own.every(({ table }) => PLAIN_NAME.test(table))) {
      const printout = await this.#listTables([...tables.values()], isForeign, limits);
      // A table may be gone by now, or have a name that means something else to nft.
      if (printout.outcome.error === undefined) return printout;
    }
    return this.#list([["ruleset"]], isForeign, limits);
  }

  async #listTables(tables: readonly KernelChain[], isForeign: ChainFilter, limits: Limits): Promise<Printout> {
    const what = tables.map(({ family, table }) => ["table", FAMILIES.get(family) ?? family, table]);
    return this.#list(what, isForeign, limits);
  }

  /** Prints one after the other, up to the first that fails. */
  async #list(whats: readonly (readonly string[])[], isForeign: ChainFilter, limits: Limits): Promise<Printout> {
    for (;;) {
      const isTerse = this.#knowsTerse;
      const ruleset = new Ruleset(this.#options, isForeign, !isTerse);
      let outcome: Outcome = { exitStatus: 0, error: undefined, stderr: "" };
      for (const what of whats) {
        outcome = await this.#run([...(isTerse ? ["-j", "-t"] : ["-j"]), "list", ...what], ruleset, limits);
        if (outcome.error !== undefined) break;
      }
      if (!isTerse || outcome.error === undefined || !UNKNOWN_OPTION.test(outcome.stderr)) return { ruleset, outcome };
      this.#knowsTerse = false;
    }
  }

  async #run(args: readonly string[], ruleset: Ruleset, limits: Limits): Promise<Outcome> {
    const outcome = await this.#program.run(args, (bytes) => ruleset.read(bytes), limits);
    if (outcome.error !== undefined) return outcome;
    try {
      ruleset.end();
      return outcome;
    } catch (error) {
      return { ...outcome, error: messageOf(error) };
    }
  }
}
