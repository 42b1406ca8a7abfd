import { addTo, type Counts } from "./counts.ts";

/** What the reading of a backend depends on besides its output. */
export interface ReadOptions {
  /** Most chains and rules that are told apart. */
  readonly maxSeries: number;
  /** Whether comments are wanted besides the text of the rule, which they are a part of. */
  readonly withComments: boolean;
}

/** Where a chain is, and what its rules are. */
export interface Chain {
  /** "ipv4", "ipv6", or a family of nftables such as "inet". */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** Where packets are counted that no rule decided. */
  readonly slot: number;
  /** The default policy; "-" for a chain of the user's own, null if the backend counts none. */
  policy: string | null;
  /** Rules in it, those without counters included. */
  ruleCount: number;
  readonly rules: Map<string, Rule>;
}

/** All rules of a chain with the same text. */
export interface Rule {
  readonly slot: number;
  /** How many they are. */
  copies: number;
  readonly comment: string;
}

/** The text of what has no room of its own. */
export const OTHER = "other";

/**
 * The chains and rules of one backend, with their counters. At most `limit` chains and rules are told apart: the other
 * rules of a chain are summed as its rule "other", the chains for which there is no room as the chain "other" of their
 * table.
 */
export class RuleBook {
  readonly counts: Counts = { packets: [], bytes: [] };
  readonly #limit: number;
  readonly #chains = new Map<string, Chain>();
  #used = 0;
  #slots = 0;
  #refused = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  chains(): Iterable<Chain> {
    return this.#chains.values();
  }

  /** Rules that had no room of their own. */
  get refused(): number {
    return this.#refused;
  }

  /** The chain of this name; made if it is not there yet. */
  chain(family: string, table: string, name: string): Chain {
    const found = this.#chains.get(placeKey(family, table, name));
    if (found !== undefined) return found;
    if (this.#used < this.#limit) {
      this.#used++;
      return this.#add(family, table, name);
    }
    return this.#chains.get(placeKey(family, table, OTHER)) ?? this.#add(family, table, OTHER);
  }

  /** Counts a rule, and returns its slot; `comment` is a part of its text. */
  addRule(chain: Chain, text: string, comment: string, packets: number, bytes: number): number {
    const rule = chain.rules.get(text) ?? this.#makeRule(chain, text, comment);
    addTo(this.counts, rule.slot, packets, bytes);
    rule.copies++;
    chain.ruleCount++;
    return rule.slot;
  }

  #add(family: string, table: string, name: string): Chain {
    const chain = { family, table, name, slot: this.#slot(), policy: null, ruleCount: 0, rules: new Map() };
    this.#chains.set(placeKey(family, table, name), chain);
    return chain;
  }

  #makeRule(chain: Chain, text: string, comment: string): Rule {
    const hasRoom = this.#used < this.#limit;
    if (hasRoom) this.#used++;
    else this.#refused++;
    const known = hasRoom ? undefined : chain.rules.get(OTHER);
    if (known !== undefined) return known;
    const rule = { slot: this.#slot(), copies: 0, comment: hasRoom ? comment : "" };
    chain.rules.set(hasRoom ? text : OTHER, rule);
    return rule;
  }

  #slot(): number {
    (this.counts.packets as number[]).push(0);
    (this.counts.bytes as number[]).push(0);
    return this.#slots++;
  }
}

/** Tells a chain or set from those of other families and tables: no name holds a NUL. */
export function placeKey(family: string, table: string, name: string): string {
  return `${family}\0${table}\0${name}`;
}
