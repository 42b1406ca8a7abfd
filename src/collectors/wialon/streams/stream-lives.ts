import { grown } from "../../../grown-array.ts";

/** Lives that quantiles are taken of: the last ten minutes, but no more than this many. */
const MAX_AGE_SECONDS = 600;
const MAX_LIVES = 65_536;
const INITIAL_LIVES = 64;

/** How long streams live: exact quantiles of those that ended in the last ten minutes, and a sum of all. */
export class StreamLives {
  count = 0;
  sumSeconds = 0;
  /** The last lives and when they ended: two rings of the same shape, the oldest at #first. */
  #seconds = new Float64Array(INITIAL_LIVES);
  #endedAt = new Float64Array(INITIAL_LIVES);
  #first = 0;
  #kept = 0;

  add(seconds: number, now: number): void {
    this.count++;
    this.sumSeconds += seconds;
    this.#forget(now);
    if (this.#kept === this.#seconds.length) this.#makeRoom();
    const at = (this.#first + this.#kept++) % this.#seconds.length;
    this.#seconds[at] = seconds;
    this.#endedAt[at] = now;
  }

  /** The values below which these parts of the lives are; NaN if none ended lately. */
  quantiles(parts: readonly number[], now: number): number[] {
    this.#forget(now);
    const sorted = this.#inOrder(this.#seconds).slice(0, this.#kept).sort();
    return parts.map((part) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN);
  }

  #forget(now: number): void {
    while (this.#kept > 0 && now - this.#endedAt[this.#first]! > MAX_AGE_SECONDS) this.#drop();
  }

  #drop(): void {
    this.#first = (this.#first + 1) % this.#seconds.length;
    this.#kept--;
  }

  #makeRoom(): void {
    if (this.#kept === MAX_LIVES) {
      this.#drop();
      return;
    }
    this.#seconds = grown(this.#inOrder(this.#seconds));
    this.#endedAt = grown(this.#inOrder(this.#endedAt));
    this.#first = 0;
  }

  /** The ring, rolled so that the oldest is in front. */
  #inOrder(ring: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
    const rolled = new Float64Array(ring.length);
    rolled.set(ring.subarray(this.#first));
    rolled.set(ring.subarray(0, this.#first), ring.length - this.#first);
    return rolled;
  }
}
