import { OTHER } from "./rule-book.ts";

/** Counters, quotas and sets, with the two numbers that each has. */
export const Kind = {
  /** Packets and bytes. */
  COUNTER: "counter",
  /** Bytes used, and bytes allowed. */
  QUOTA: "quota",
  /** Elements, and how many it may have; both may be unknown. */
  SET: "set",
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** A quota has a name, or is a part of a rule. */
export interface NamedLabels {
  readonly family: string;
  readonly table: string;
  readonly name?: string;
  readonly chain?: string;
  readonly rule?: string;
}

/** Something with a name, or a quota inside a rule. */
export interface Named {
  readonly kind: Kind;
  readonly labels: NamedLabels;
  readonly first: number | undefined;
  readonly second: number | undefined;
}

/** At most `limit` of them are told apart; the others of a table are summed as "other". */
export class NamedBook {
  readonly #limit: number;
  readonly #named = new Map<string, Named>();
  #refused = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** How many had no room of their own. */
  get refused(): number {
    return this.#refused;
  }

  all(): readonly Named[] {
    return [...this.#named.values()];
  }

  /** Adds it up if it is there already. */
  add(named: Named): void {
    const { kind, labels } = named;
    const key = [kind, ...Object.values(labels)].join("\0");
    const known = this.#named.get(key);
    if (known !== undefined || this.#named.size < this.#limit || labels.name === OTHER) {
      this.#named.set(key, known === undefined ? named : sumOf(known, named));
      return;
    }
    this.#refused++;
    this.add({ ...named, labels: { family: labels.family, table: labels.table, name: OTHER } });
  }
}

function sumOf(one: Named, other: Named): Named {
  return { ...one, first: sum(one.first, other.first), second: sum(one.second, other.second) };
}

function sum(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined ? other : one + (other ?? 0);
}
