import type { DumpLimits } from "../../../native/netlink-dump.ts";
import { addTo, type Counts, emptyCounts, isAtLeast } from "../counts.ts";
import { NOT_COUNTED, type Order } from "./order.ts";
import { placeKey } from "../rule-book.ts";
import type { KernelChain } from "./chains.ts";
import type { Quota } from "./counters.ts";
import { type Outline, readGeneration, readRules, readSets, type RuleVisitor } from "./kernel.ts";

/** What the text of rules may depend on besides the rules, such as names of interfaces, is read again after so long. */
const LIFETIME_MS = 10 * 60_000;

/** Tables and chains by which rules are told to be still the same. */
export interface Scope {
  readonly chains: readonly KernelChain[];
  /** Differs if any of them differs, or is another of the same name. */
  readonly shape: string;
}

/** The part of an outline that a backend shows; `chain` is undefined if a table is asked for. */
export function scopeOf(
  { generation, tables, chains }: Outline,
  isShown: (family: string, table: string, chain?: string) => boolean,
): Scope {
  const shownTables = tables.filter(({ family, name }) => isShown(family, name));
  const shown = chains.filter(({ family, table, name }) => isShown(family, table, name));
  const shape = [
    ...shownTables.map(({ family, name, handle }) => `${family}\0${name}\0${handle === 0 ? generation : handle}`),
    ...shown.map(({ family, table, name, handle, policy }) => [family, table, name, handle, policy].join("\0")),
  ].join("\0\0");
  return { chains: shown, shape };
}

/** What the kernel counts now for rules whose text is known. */
export interface KernelCounts {
  readonly counts: Counts;
  /** Quotas in rules, with the places of those. */
  readonly quotas: readonly { readonly chain: string; readonly place: number; readonly quotas: readonly Quota[] }[];
}

/** What tells rules from others with the same shape. */
interface Marks {
  /** Digests of the rules, by the keys of their chains. */
  readonly digests: ReadonlyMap<string, number[]>;
  /** Of the sets that are parts of rules: one that was replaced twice may have its first name again. */
  readonly sets: string;
}

/**
 * The rules that a program printed once, and that the kernel counts for since. Which of the kernel's rules each of them
 * is its place in its chain tells, if nothing at all has changed until the kernel's are read for the first time; later
 * on marks tell that they are still the same.
 */
export class KnownRules {
  readonly #shape: string;
  readonly #order: Order;
  readonly #printed: Counts;
  readonly #until = performance.now() + LIFETIME_MS;
  /** The last generation in which they were the printed ones. */
  #generation: number;
  #marks: Marks | undefined;

  constructor(shape: string, order: Order, printed: Counts, generation: number) {
    this.#shape = shape;
    this.#order = order;
    this.#printed = printed;
    this.#generation = generation;
  }

  /** What is counted now; undefined if the rules may be others, and the program must be asked again. */
  async counts(outline: Outline, scope: Scope, limits: DumpLimits): Promise<KernelCounts | undefined> {
    const { generation } = outline;
    const isChanged = generation !== this.#generation;
    const marks = this.#marks;
    const isHopeless = scope.shape !== this.#shape || performance.now() > this.#until;
    if (isHopeless || (isChanged && marks === undefined)) return undefined;
    const sets = marks === undefined || isChanged ? await anonymousSets(scope, limits) : marks.sets;
    if (sets === undefined || (marks !== undefined && sets !== marks.sets)) return undefined;
    const sum = new KernelSum(this.#order, this.#printed.packets.length, marks?.digests);
    const isWhole = await readRules(sum.known(scope.chains), limits, (chain) => sum.visitorOf(chain));
    if (!isWhole || !sum.isSame()) return undefined;
    // What counts less than was printed is in another namespace.
    const isPrinted = marks !== undefined || (readGeneration() === generation && isAtLeast(sum.counts, this.#printed));
    if (!isPrinted) return undefined;
    this.#marks = { digests: sum.digests, sets };
    this.#generation = generation;
    return sum;
  }
}

async function anonymousSets({ chains }: Scope, limits: DumpLimits): Promise<string | undefined> {
  const tables = new Set(chains.map(({ family, table }) => placeKey(family, table, "")));
  return (await readSets(limits))
    ?.filter(({ family, table, isAnonymous }) => isAnonymous && tables.has(placeKey(family, table, "")))
    .map(({ family, table, name, handle }) => `${placeKey(family, table, name)}\0${handle}`)
    .join("\0\0");
}

/** Sums what the kernel counts, and compares its rules with those that are known. */
class KernelSum implements KernelCounts {
  readonly counts: Counts;
  readonly quotas: { chain: string; place: number; quotas: Quota[] }[] = [];
  readonly digests = new Map<string, number[]>();
  readonly #order: Order;
  readonly #known: ReadonlyMap<string, number[]> | undefined;
  #isOther = false;
  #visited = 0;

  /** `known`: digests to compare with, if there are any yet. */
  constructor(order: Order, slots: number, known: ReadonlyMap<string, number[]> | undefined) {
    this.#order = order;
    this.#known = known;
    this.counts = emptyCounts(slots);
  }

  /** The chains that were printed. */
  known(chains: readonly KernelChain[]): KernelChain[] {
    return chains.filter((chain) => this.#order.has(keyOf(chain)));
  }

  /** None once there was another rule. */
  visitorOf(chain: KernelChain): RuleVisitor | undefined {
    if (this.#isOther) return undefined;
    const key = keyOf(chain);
    const order = this.#order.get(key)!;
    const known = this.#known?.get(key);
    const digests: number[] = [];
    this.digests.set(key, digests);
    addTo(this.counts, order.slot, chain.packets, chain.bytes);
    return (rule, place) => {
      const slot = order.slots[place];
      digests.push(rule.digest);
      if (slot === undefined || (this.#known !== undefined && known?.[place] !== rule.digest)) this.#isOther = true;
      else if (slot !== NOT_COUNTED) addTo(this.counts, slot, rule.packets, rule.bytes);
      if (rule.quotas.length > 0) this.quotas.push({ chain: key, place, quotas: [...rule.quotas] });
      this.#visited++;
    };
  }

  /** Whether there are as many rules as were printed, and all are as before. */
  isSame(): boolean {
    let printed = 0;
    for (const { slots } of this.#order.values()) printed += slots.length;
    return !this.#isOther && this.#visited === printed;
  }
}

function keyOf({ family, table, name }: KernelChain): string {
  return placeKey(family, table, name);
}
