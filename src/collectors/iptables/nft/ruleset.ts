import { OTHER, type ReadOptions, Tally } from "../tally.ts";
import { arrayOf, countOf, field, type Json, onlyField, textOf } from "./json.ts";
import { Objects } from "./objects.ts";
import { ruleText } from "./rule-text.ts";

/** Families that have another name on the page, by what nft calls them. */
const FAMILIES: ReadonlyMap<string, string> = new Map([
  ["ip", "ipv4"],
  ["ip6", "ipv6"],
]);
const UNIT_BYTES: ReadonlyMap<string, number> = new Map([
  ["bytes", 1],
  ["kbytes", 1024],
  ["mbytes", 1024 ** 2],
]);

/** Counters, quotas and sets, with the two numbers that each has. */
export const Kind = {
  /** Packets and bytes. */
  COUNTER: "counter",
  /** Bytes used, and bytes allowed. */
  QUOTA: "quota",
  /** Elements, and how many it may have, which may be unknown. */
  SET: "set",
} as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** A quota has a name, or is a part of a rule. */
interface Labels {
  readonly family: string;
  readonly table: string;
  readonly name?: string;
  readonly chain?: string;
  readonly rule?: string;
}

/** Something with a name, or a quota inside a rule. */
export interface Named {
  readonly kind: Kind;
  readonly labels: Labels;
  first: number;
  second: number | undefined;
}

/** Whether the rules of a chain are counted elsewhere; `family` as the page names it. */
export type ChainFilter = (family: string, table: string, chain: string) => boolean;

/** Reads what `nft -j` prints, piece by piece. */
export class Ruleset {
  readonly tally: Tally;
  readonly tables: [family: string, table: string][] = [];
  readonly #limit: number;
  readonly #withComments: boolean;
  readonly #isForeign: ChainFilter;
  readonly #decoder = new TextDecoder();
  readonly #named = new Map<string, Named>();
  readonly #objects = new Objects((object, elements) => {
    if (!this.#readObject(object, elements)) this.#unreadable++;
  });
  #unreadable = 0;
  #refused = 0;

  /** At most `maxSeries` chains and rules are told apart, and as many counters, quotas and sets. */
  constructor({ maxSeries, withComments }: ReadOptions, isForeign: ChainFilter) {
    this.tally = new Tally(maxSeries);
    this.#limit = maxSeries;
    this.#withComments = withComments;
    this.#isForeign = isForeign;
  }

  /** Objects that could not be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  /** Rules, counters, quotas and sets that had no room of their own. */
  get refused(): number {
    return this.#refused + this.tally.refused;
  }

  named(): Iterable<Named> {
    return this.#named.values();
  }

  read(bytes: Uint8Array): void {
    this.#objects.push(this.#decoder.decode(bytes, { stream: true }));
  }

  /** There is no more. Throws where that can't be all. */
  end(): void {
    if (!this.#objects.isWhole) throw new Error("its output is not whole, or none of nft -j");
  }

  /** Tells whether the object could be read; those of kinds that have no counters are. */
  #readObject(object: Json, elements: number): boolean {
    const [kind, body] = onlyField(object) ?? [];
    if (kind === "metainfo") return true;
    const family = textOf(field(body, "family"));
    const table = textOf(field(body, kind === "table" ? "name" : "table"));
    const name = textOf(field(body, kind === "rule" ? "chain" : "name"));
    if (kind === undefined || family === undefined || table === undefined || name === undefined) return false;
    const place: Place = { family: FAMILIES.get(family) ?? family, table, name };
    switch (kind) {
      case "table":
        this.tables.push([place.family, table]);
        return true;
      case "rule":
        return this.#readRule(place, body);
      case "chain":
        if (!this.#isForeign(place.family, table, name)) this.tally.chain(place.family, table, name);
        return true;
      case "counter":
        return this.#add(Kind.COUNTER, place, countOf(field(body, "packets")), countOf(field(body, "bytes")));
      case "quota":
        return this.#add(Kind.QUOTA, place, countOf(field(body, "used")) ?? 0, countOf(field(body, "bytes")));
      case "set":
      case "map":
      case "meter":
        return this.#add(Kind.SET, place, elements, countOf(field(body, "size")));
      default:
        return true;
    }
  }

  #readRule({ family, table, name }: Place, body: Json): boolean {
    if (this.#isForeign(family, table, name)) return true;
    const statements = arrayOf(field(body, "expr"));
    const comment = textOf(field(body, "comment")) ?? "";
    const chain = this.tally.chain(family, table, name);
    // Of several counters the last one counts what all of the rule before it matches.
    const counter = statements.map((statement) => field(statement, "counter")).findLast(isCounter);
    const quotas = statements.map((statement) => field(statement, "quota")).filter(isQuota);
    const text = counter === undefined && quotas.length === 0 ? "" : ruleText(statements, comment);
    if (counter === undefined) chain.ruleCount++;
    else {
      const [packets, bytes] = [countOf(field(counter, "packets")) ?? 0, countOf(field(counter, "bytes")) ?? 0];
      this.tally.addRule(chain, text, this.#withComments ? comment : "", packets, bytes);
    }
    for (const quota of quotas) {
      const labels = { family, table, chain: name, rule: text };
      this.#add(Kind.QUOTA, labels, bytesOf(quota, "used"), bytesOf(quota, "val"));
    }
    return true;
  }

  /** Adds it up where it is there already, and where there is no room for one more name. */
  #add(kind: Kind, labels: Labels, first: number | undefined, second: number | undefined): boolean {
    if (first === undefined) return false;
    const key = [kind, ...Object.values(labels)].join("\0");
    const known = this.#named.get(key);
    if (known !== undefined) {
      known.first += first;
      if (second !== undefined) known.second = (known.second ?? 0) + second;
      return true;
    }
    if (this.#named.size < this.#limit || labels.name === OTHER) {
      this.#named.set(key, { kind, labels, first, second });
      return true;
    }
    this.#refused++;
    return this.#add(kind, { family: labels.family, table: labels.table, name: OTHER }, first, second);
  }
}

interface Place {
  readonly family: string;
  readonly table: string;
  /** Of the object itself, or of the chain that a rule is in. */
  readonly name: string;
}

function isCounter(value: Json): boolean {
  return countOf(field(value, "packets")) !== undefined;
}

function isQuota(value: Json): boolean {
  return countOf(field(value, "val")) !== undefined;
}

/** An amount that has its unit beside it, such as `"val": 5, "val_unit": "mbytes"`. */
function bytesOf(quota: Json, name: string): number {
  const unit = UNIT_BYTES.get(textOf(field(quota, `${name}_unit`)) ?? "bytes") ?? 1;
  return (countOf(field(quota, name)) ?? 0) * unit;
}
