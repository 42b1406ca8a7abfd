import { Field, type Flow } from "./flow.ts";

/** Far above what routers have: a bound for what lies. */
const MAX_SAMPLERS = 1024;

/** One packet of `interval` is looked at: by a sampler, at an interface, or, if both are 0, of all. */
export interface SamplingRule {
  readonly sampler: number;
  readonly input: number;
  readonly interval: number;
}

/** How an exporter samples, as its options data tell: one packet of so many, by sampler, by interface, or for all. */
export class Samplers {
  readonly #bySampler = new Map<number, number>();
  readonly #byInterface = new Map<number, number>();
  #forAll = 0;
  /** Of the sampler that was last told. */
  #latest = 0;

  /** Takes a record of options data. */
  learn({ numbers }: Flow): void {
    const interval = intervalIn(numbers);
    if (interval === 0) return;
    this.keep({ sampler: numbers[Field.SAMPLER]!, input: numbers[Field.INPUT]!, interval });
  }

  keep({ sampler, input, interval }: SamplingRule): void {
    if (sampler !== 0) {
      keep(this.#bySampler, sampler, interval);
      this.#latest = interval;
    } else if (input !== 0) {
      keep(this.#byInterface, input, interval);
    } else {
      this.#forAll = interval;
    }
  }

  *rules(): Generator<SamplingRule> {
    if (this.#forAll !== 0) yield { sampler: 0, input: 0, interval: this.#forAll };
    for (const [sampler, interval] of this.#bySampler) yield { sampler, input: 0, interval };
    for (const [input, interval] of this.#byInterface) yield { sampler: 0, input, interval };
  }

  /**
   * Of how many packets one was seen for this record; 0 if nothing tells. Of several samplers the last that was told
   * stands for records that name none: ids change when a sampler is set up again. Hot; does not allocate.
   */
  intervalOf({ numbers }: Flow): number {
    const own = intervalIn(numbers);
    if (own !== 0) return own;
    const sampler = numbers[Field.SAMPLER]!;
    if (this.#bySampler.size > 0) {
      const found = this.#bySampler.get(sampler);
      if (found !== undefined) return found;
      if (this.#bySampler.size === 1 && sampler === 0) return this.#latest;
    }
    if (this.#byInterface.size > 0) {
      const found = this.#byInterface.get(numbers[Field.INPUT]!) ?? this.#byInterface.get(numbers[Field.OUTPUT]!);
      if (found !== undefined) return found;
    }
    return this.#forAll === 0 && sampler === 0 ? this.#latest : this.#forAll;
  }
}

/** If there is no room, that of the one goes which was not told for longest. */
function keep(map: Map<number, number>, key: number, interval: number): void {
  map.delete(key);
  if (map.size >= MAX_SAMPLERS) map.delete(map.keys().next().value!);
  map.set(key, interval);
}

/** One of N, or n of N, or n and then none of m. */
function intervalIn(numbers: Float64Array): number {
  const sampled = numbers[Field.SAMPLED]!;
  const interval = numbers[Field.INTERVAL]!;
  if (sampled === 0) return interval;
  const space = numbers[Field.SPACE]!;
  return interval === 0 ? (sampled + space) / sampled : Math.max(interval / sampled, 1);
}
