import { messageOf } from "../errors.ts";
import { log } from "../log.ts";

/** Time for all parts to end in; supervisors give the program little longer. */
const END_MS = 2_500;

/** The parts that run, taken down in reverse. One that does not end in time is named in the log and left behind. */
export class Parts implements AsyncDisposable {
  readonly #parts: { name: string; part: AsyncDisposable | Disposable }[] = [];
  readonly #endMs: number;
  #hasEnded = false;

  constructor(endMs: number = END_MS) {
    this.#endMs = endMs;
  }

  /** Takes over a part, by the name that the log gives it; one that comes after the end is ended at once. */
  use<T extends AsyncDisposable | Disposable>(name: string, part: T): T {
    if (!this.#hasEnded) this.#parts.push({ name, part });
    else end(part).catch((error: unknown) => log.error("couldn't end", { part: name, error: messageOf(error) }));
    return part;
  }

  /** Ends a part before the others, if it is one of these. */
  async end(part: AsyncDisposable | Disposable): Promise<void> {
    const at = this.#parts.findIndex((each) => each.part === part);
    if (at < 0) return;
    this.#parts.splice(at, 1);
    await end(part);
  }

  /** Throws the first error of a part, once all have had their turn. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#hasEnded = true;
    const deadline = performance.now() + this.#endMs;
    const errors: unknown[] = [];
    for (const { name, part } of this.#parts.toReversed()) {
      const ended = end(part).catch((error: unknown) => void errors.push(error));
      if (await isSettled(ended, deadline - performance.now())) continue;
      log.error("left behind what did not end in time", { part: name });
    }
    if (errors.length > 0) throw errors[0];
  }
}

async function end(part: AsyncDisposable | Disposable): Promise<void> {
  if (Symbol.asyncDispose in part) await part[Symbol.asyncDispose]();
  else part[Symbol.dispose]();
}

async function isSettled(work: Promise<void>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), Math.max(0, timeoutMs));
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
