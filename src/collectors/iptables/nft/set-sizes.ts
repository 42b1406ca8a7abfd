import { isOfSystem, type Nft } from "../backends.ts";
import { countElements, readGeneration, readSets } from "../kernel/kernel.ts";
import type { KernelSet } from "../kernel/sets.ts";
import { Kind } from "../named.ts";
import { Ongoing, type Result } from "../ongoing.ts";
import { type Limits, Program } from "../program.ts";
import { MAX_READING_MS } from "../reading.ts";
import { placeKey } from "../rule-book.ts";
import { Ruleset } from "./ruleset.ts";

/** Part of its time that a scrape waits. */
const WAITING_SHARE = 0.1;
/** Counting that takes longer than this rests for nine times as long: it takes a tenth of a CPU at most. */
const LONG_COUNT_MS = 100;
const REST = 9;

/** Numbers of elements, by the keys of the sets. */
export type Sizes = ReadonlyMap<string, number>;

interface Counted {
  /** What tells that the number is still the same. */
  readonly version: number;
  readonly size: number;
}

/**
 * Counts the elements of sets and maps, in its own time: hundreds of thousands take the kernel seconds, and nft several
 * times as long.
 */
export class SetSizes {
  readonly #nft: Nft;
  readonly #program: Program;
  readonly #counting = new Ongoing<Sizes | undefined>((tookMs) => (tookMs < LONG_COUNT_MS ? 0 : tookMs * REST));
  #counted: ReadonlyMap<string, Counted> = new Map();

  constructor(nft: Nft) {
    this.#nft = nft;
    this.#program = new Program(nft.path);
  }

  /** What there is soon, or was before; undefined if there is nothing yet. Never rejects. */
  async read(deadline: number, signal: AbortSignal): Promise<Result<Sizes | undefined> | undefined> {
    const now = performance.now();
    const limits = { deadline: now + MAX_READING_MS, signal };
    return this.#counting.result(now + (deadline - now) * WAITING_SHARE, async () =>
      isOfSystem(this.#nft) ? ((await this.#ofKernel(limits)) ?? this.#ofNft(limits)) : this.#ofNft(limits),
    );
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#counting.settled();
  }

  /** Counts again what may have changed. */
  async #ofKernel(limits: Limits): Promise<Sizes | undefined> {
    const generation = readGeneration();
    const sets = await readSets(limits);
    if (generation === undefined || sets === undefined) return undefined;
    const counted = new Map<string, Counted>();
    for (const set of sets.filter(({ isAnonymous }) => !isAnonymous)) {
      const key = placeKey(set.family, set.table, set.name);
      const known = this.#counted.get(key);
      const version = versionOf(set, generation);
      const now = known?.version === version ? known : await sizeOf(set, version, limits);
      if (now !== undefined) counted.set(key, now);
    }
    this.#counted = counted;
    return new Map([...counted].map(([key, { size }]) => [key, size]));
  }

  async #ofNft(limits: Limits): Promise<Sizes | undefined> {
    const ruleset = new Ruleset({ maxSeries: 0, withComments: false }, () => true);
    const { error } = await this.#program.run(["-j", "list", "ruleset"], (bytes) => ruleset.read(bytes), limits);
    if (error !== undefined) return undefined;
    const sets = ruleset.named.filter(({ kind }) => kind === Kind.SET);
    return new Map(
      sets.map(({ labels: { family, table, name }, first }) => [placeKey(family, table, name ?? ""), first ?? 0]),
    );
  }
}

/** The number of elements, by the kernel's own account if counting takes it too long. */
async function sizeOf(set: KernelSet, version: number, limits: Limits): Promise<Counted | undefined> {
  const counted = await countElements(set, limits);
  if (counted !== undefined) return { version: counted.isWhole ? version : Number.NaN, size: counted.count };
  return set.elements === undefined ? undefined : { version, size: set.elements };
}

/** NaN, which is like nothing, for a set whose elements come and go by themselves and are not told. */
function versionOf({ elements, isChanging }: KernelSet, generation: number): number {
  if (elements !== undefined) return elements;
  return isChanging ? Number.NaN : generation;
}
