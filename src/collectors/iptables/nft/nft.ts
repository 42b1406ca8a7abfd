import { isOfSystem, type Nft } from "../backends.ts";
import type { Outline } from "../kernel/kernel.ts";
import { type KernelCounts, KnownRules, type Scope, scopeOf } from "../kernel/known-rules.ts";
import type { Named } from "../named.ts";
import { Ongoing } from "../ongoing.ts";
import type { Limits } from "../program.ts";
import { failedReading, lateReading, type Reading, MAX_READING_MS, readingOf, restMs } from "../reading.ts";
import { type Content, type LabelOptions, Rows } from "../rows.ts";
import { Listing } from "./listing.ts";
import { type ChainFilter, type RuleQuota } from "./ruleset.ts";

/** What iptables-nft shows of nftables; `family` as the page names it. */
export interface Foreign {
  /** Whether all of the table is iptables-nft's. */
  hasTable(family: string, table: string): boolean;
  hasChain(family: string, table: string, chain: string): boolean;
}

export interface NftReading extends Reading {
  /** Quotas in rules; if nft printed, what has a name as well, sets without their numbers of elements. */
  readonly named: readonly Named[];
}

/** Rules that were printed once, without what they count. */
interface Printed extends Omit<Content, "counts"> {
  readonly rules: KnownRules;
  readonly quotas: readonly RuleQuota[];
  readonly stderr: string;
}

const NOTHING: Foreign = { hasTable: () => false, hasChain: () => false };

/** Asks nft for the rules, and the kernel for what they count as long as they stay as they are. */
export class NftReader {
  readonly nft: Nft;
  readonly #options: LabelOptions;
  readonly #listing: Listing;
  readonly #reading = new Ongoing<NftReading>((tookMs) => restMs(tookMs, this.#printed !== undefined));
  #printed: Printed | undefined;

  constructor(nft: Nft, options: LabelOptions) {
    this.nft = nft;
    this.#options = options;
    this.#listing = new Listing(nft.path, options);
  }

  /** Whether the kernel itself can be asked for the counters. */
  get isOfKernel(): boolean {
    return isOfSystem(this.nft);
  }

  /**
   * Reads by `deadline`, or has an older reading. Leaves out what is `foreign`, once that is known; undefined stands for
   * a host without iptables-nft. Never rejects.
   */
  async read(
    outline: Outline | undefined,
    foreign: Promise<Foreign> | undefined,
    deadline: number,
    signal: AbortSignal,
  ): Promise<NftReading> {
    const start = performance.now();
    const limits = { deadline: start + MAX_READING_MS, signal };
    const result = await this.#reading.result(deadline, async () => {
      const known = (await foreign) ?? NOTHING;
      return outline === undefined || !this.isOfKernel
        ? this.#print(known, limits)
        : this.#readKernel(outline, known, limits);
    });
    if (result === undefined) return { ...lateReading(this.nft, start), named: [] };
    return { ...result.value, ageSeconds: result.ageSeconds };
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#reading.settled();
  }

  async #readKernel(outline: Outline, foreign: Foreign, limits: Limits): Promise<NftReading> {
    const start = performance.now();
    const scope = scopeOf(outline, (family, table, chain) =>
      chain === undefined ? !foreign.hasTable(family, table) : !foreign.hasChain(family, table, chain),
    );
    return (await this.#count(start, outline, scope, limits)) ?? this.#print(foreign, limits, outline, scope);
  }

  async #count(start: number, outline: Outline, scope: Scope, limits: Limits): Promise<NftReading | undefined> {
    if (this.#printed === undefined) return undefined;
    const { rules, quotas, stderr, ...content } = this.#printed;
    const counted = await rules.counts(outline, scope, limits);
    if (counted === undefined) return undefined;
    const reading = readingOf(this.nft, start, stderr, { ...content, counts: counted.counts });
    return { ...reading, named: quotasNow(quotas, counted) };
  }

  async #print(foreign: Foreign, limits: Limits, outline?: Outline, scope?: Scope): Promise<NftReading> {
    const start = performance.now();
    this.#printed = undefined;
    const isForeign: ChainFilter = (family, table, chain) => foreign.hasChain(family, table, chain);
    const { ruleset, outcome } = await this.#listing.rules(isForeign, limits, outline, scope?.chains);
    const { error, stderr } = outcome;
    if (error !== undefined) return { ...failedReading(this.nft, start, error, stderr), named: [] };
    const { book, order, ruleQuotas: quotas, unreadable } = ruleset;
    const { counts, refused } = book;
    const content = { rows: await Rows.of(book, this.#options.chainLabels), unreadable, refused };
    if (outline !== undefined && scope !== undefined) {
      const rules = new KnownRules(scope.shape, order, counts, outline.generation);
      // At once, before anything changes: it takes a seventh of what nft takes.
      const isKnown = (await rules.counts(outline, scope, limits)) !== undefined;
      if (isKnown) this.#printed = { ...content, rules, quotas, stderr };
    }
    const named = [...ruleset.named, ...quotas.map((quota) => quota.named)];
    return { ...readingOf(this.nft, start, stderr, { ...content, counts }), named };
  }
}

/** The quotas of rules, as the kernel counts them now. */
function quotasNow(quotas: readonly RuleQuota[], { quotas: counted }: KernelCounts): Named[] {
  const now = new Map(counted.map(({ chain, place, quotas: ofRule }) => [`${chain}\0${place}`, ofRule]));
  const next = new Map<string, number>();
  return quotas.map(({ chain, place, named }) => {
    const key = `${chain}\0${place}`;
    const index = next.get(key) ?? 0;
    next.set(key, index + 1);
    const quota = now.get(key)?.[index];
    return quota === undefined ? named : { ...named, first: quota.used, second: quota.bytes };
  });
}
