/** What the reading of a backend depends on besides its output. */
export interface ReadOptions {
  /** Most chains and rules that are told apart. */
  readonly maxSeries: number;
  /** Whether comments are wanted besides the text of the rule, which they are a part of. */
  readonly withComments: boolean;
}

/** Where a chain is, and what became of the packets that no rule of it decided. */
export interface Chain {
  /** "ipv4", "ipv6", or a family of nftables such as "inet". */
  readonly family: string;
  readonly table: string;
  readonly name: string;
  /** The default policy; "-" for a chain of the user's own, null where the backend counts none. */
  policy: string | null;
  packets: number;
  bytes: number;
  /** Rules in it, those without counters included. */
  ruleCount: number;
  readonly rules: Map<string, Rule>;
}

/** All rules of a chain with the same text. */
export interface Rule {
  packets: number;
  bytes: number;
  /** How many they are. */
  copies: number;
  readonly comment: string;
}

/** The text of what has no room of its own. */
export const OTHER = "other";

/**
 * The counters of one backend. At most `limit` chains and rules are told apart: the other rules of a chain are summed
 * as its rule "other", the chains for which there is no room as the chain "other" of their table.
 */
export class Tally {
  readonly #limit: number;
  readonly #chains = new Map<string, Chain>();
  #used = 0;
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

  has(family: string, table: string, name: string): boolean {
    return this.#chains.has(keyOf(family, table, name));
  }

  /** The chain of this name; made where it is not there yet. */
  chain(family: string, table: string, name: string): Chain {
    const found = this.#chains.get(keyOf(family, table, name));
    if (found !== undefined) return found;
    if (this.#used < this.#limit) {
      this.#used++;
      return this.#add(family, table, name);
    }
    return this.#chains.get(keyOf(family, table, OTHER)) ?? this.#add(family, table, OTHER);
  }

  /** Counts a rule; `comment` is a part of its text. */
  addRule(chain: Chain, text: string, comment: string, packets: number, bytes: number): void {
    const rule = chain.rules.get(text) ?? this.#makeRule(chain, text, comment);
    rule.packets += packets;
    rule.bytes += bytes;
    rule.copies++;
    chain.ruleCount++;
  }

  #add(family: string, table: string, name: string): Chain {
    const chain = { family, table, name, policy: null, packets: 0, bytes: 0, ruleCount: 0, rules: new Map() };
    this.#chains.set(keyOf(family, table, name), chain);
    return chain;
  }

  #makeRule(chain: Chain, text: string, comment: string): Rule {
    const hasRoom = this.#used < this.#limit;
    if (hasRoom) this.#used++;
    else this.#refused++;
    const known = hasRoom ? undefined : chain.rules.get(OTHER);
    if (known !== undefined) return known;
    const rule = { packets: 0, bytes: 0, copies: 0, comment: hasRoom ? comment : "" };
    chain.rules.set(hasRoom ? text : OTHER, rule);
    return rule;
  }
}

/** No name holds a NUL. */
function keyOf(family: string, table: string, name: string): string {
  return `${family}\0${table}\0${name}`;
}
