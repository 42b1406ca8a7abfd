import { Kind, type Named, type NamedLabels } from "../named.ts";
import { type ChainOrder, NOT_COUNTED, type Order, orderOf } from "../kernel/order.ts";
import { type Chain, placeKey, type ReadOptions, RuleBook } from "../rule-book.ts";
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

/** A quota inside of a rule, and the place of that in its chain. */
export interface RuleQuota {
  readonly chain: string;
  readonly place: number;
  readonly named: Named;
}

/** Whether the rules of a chain are counted elsewhere; `family` as the page names it. */
export type ChainFilter = (family: string, table: string, chain: string) => boolean;

/** Reads what `nft -j` prints, piece by piece. */
export class Ruleset {
  readonly book: RuleBook;
  readonly order: Order = new Map();
  readonly named: Named[] = [];
  readonly ruleQuotas: RuleQuota[] = [];
  readonly #withComments: boolean;
  readonly #isForeign: ChainFilter;
  readonly #hasElements: boolean;
  readonly #decoder = new TextDecoder();
  readonly #objects = new Objects((object, elements) => {
    if (!this.#readObject(object, elements)) this.#unreadable++;
  });
  #unreadable = 0;

  /** `hasElements`: whether those of sets are printed. */
  constructor({ maxSeries, withComments }: ReadOptions, isForeign: ChainFilter, hasElements = true) {
    this.book = new RuleBook(maxSeries);
    this.#withComments = withComments;
    this.#isForeign = isForeign;
    this.#hasElements = hasElements;
  }

  /** Objects that could not be read. */
  get unreadable(): number {
    return this.#unreadable;
  }

  read(bytes: Uint8Array): void {
    this.#objects.push(this.#decoder.decode(bytes, { stream: true }));
  }

  /** There is no more. Throws if that can't be all. */
  end(): void {
    if (!this.#objects.isWhole) throw new Error("its output is not whole, or none of nft -j");
  }

  /** Tells whether the object could be read; those of kinds that have no counters are. */
  #readObject(object: Json, elements: number): boolean {
    const [kind, body] = onlyField(object) ?? [];
    if (kind === "metainfo" || kind === "table") return true;
    const family = textOf(field(body, "family"));
    const table = textOf(field(body, "table"));
    const name = textOf(field(body, kind === "rule" ? "chain" : "name"));
    if (kind === undefined || family === undefined || table === undefined || name === undefined) return false;
    const place: Place = { family: FAMILIES.get(family) ?? family, table, name };
    switch (kind) {
      case "rule":
        return this.#readRule(place, body);
      case "chain":
        if (!this.#isForeign(place.family, table, name)) this.#chainOf(place);
        return true;
      case "counter":
        return this.#add(Kind.COUNTER, place, countOf(field(body, "packets")), countOf(field(body, "bytes")));
      case "quota":
        return this.#add(Kind.QUOTA, place, countOf(field(body, "used")) ?? 0, countOf(field(body, "bytes")));
      case "set":
      case "map":
      case "meter":
        return this.#add(Kind.SET, place, this.#hasElements ? elements : undefined, countOf(field(body, "size")));
      default:
        return true;
    }
  }

  #readRule(place: Place, body: Json): boolean {
    const { family, table, name } = place;
    if (this.#isForeign(family, table, name)) return true;
    const statements = arrayOf(field(body, "expr"));
    const comment = textOf(field(body, "comment")) ?? "";
    const { chain, order } = this.#chainOf(place);
    // Of several counters the last one counts what all of the rule before it matches.
    const counter = statements.map((statement) => field(statement, "counter")).findLast(isCounter);
    const quotas = statements.map((statement) => field(statement, "quota")).filter(isQuota);
    const text = counter === undefined && quotas.length === 0 ? "" : ruleText(statements, comment);
    for (const quota of quotas) {
      const labels: NamedLabels = { family, table, chain: name, rule: text };
      const named = { kind: Kind.QUOTA, labels, first: bytesOf(quota, "used"), second: bytesOf(quota, "val") };
      this.ruleQuotas.push({ chain: placeKey(family, table, name), place: order.slots.length, named });
    }
    if (counter === undefined) {
      chain.ruleCount++;
      order.slots.push(NOT_COUNTED);
      return true;
    }
    const [packets, bytes] = [countOf(field(counter, "packets")) ?? 0, countOf(field(counter, "bytes")) ?? 0];
    order.slots.push(this.book.addRule(chain, text, this.#withComments ? comment : "", packets, bytes));
    return true;
  }

  #chainOf({ family, table, name }: Place): { chain: Chain; order: ChainOrder } {
    const chain = this.book.chain(family, table, name);
    return { chain, order: orderOf(this.order, placeKey(family, table, name), chain.slot) };
  }

  #add(kind: Kind, labels: Place, first: number | undefined, second: number | undefined): boolean {
    if (first === undefined && kind !== Kind.SET) return false;
    this.named.push({ kind, labels, first, second });
    return true;
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
