/** Requests of one side that the other side has not answered yet: of how many it is known when they were made. */
const MAX_TIMED = 16;
/** What is not answered for so long never will be. */
const PATIENCE_SECONDS = 60;

interface OpenRequest {
  readonly type: number;
  readonly time: number;
  isAnswered: boolean;
  /** Requests of this type behind it whose times are not known. */
  untimed: number;
}

/** Pairs answers with requests of their type, oldest first. Of many requests some are left untimed, but none is mistaken. */
export class OpenRequests {
  readonly #open: OpenRequest[] = [];

  add(type: number, time: number): void {
    while (this.#open.length > 0 && time - this.#open[0]!.time > PATIENCE_SECONDS) this.#open.shift();
    if (this.#open.length < MAX_TIMED) {
      this.#open.push({ type, time, isAnswered: false, untimed: 0 });
      return;
    }
    const before = this.#open.findLast((request) => request.type === type);
    if (before !== undefined) before.untimed++;
  }

  /** Seconds since the oldest request of this type, which is answered now; undefined if they are not known. */
  answer(type: number, time: number): number | undefined {
    const at = this.#open.findIndex((request) => request.type === type);
    if (at < 0) return undefined;
    const request = this.#open[at]!;
    const seconds = request.isAnswered ? undefined : Math.max(0, time - request.time);
    if (request.isAnswered) request.untimed--;
    request.isAnswered = true;
    if (request.untimed === 0) this.#open.splice(at, 1);
    return seconds;
  }

  get isEmpty(): boolean {
    return this.#open.length === 0;
  }
}
