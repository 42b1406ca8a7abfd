/** Why something was refused, or ended for the sake of others. */
export const REFUSALS = [
  "address",
  "certificate",
  "connections",
  "pages",
  "password",
  "password_queue",
  "rate",
  "silent_connection",
  "slow_page",
  "tls",
  "web_config",
] as const;
export type RefusalReason = (typeof REFUSALS)[number];

/** How often, by reason. */
export type RefusalCounts = Readonly<Partial<Record<RefusalReason, number>>>;

const INTERVAL_MS = 60_000;

/** Counts what is refused, and tells it: at once, but once a minute at most. */
export class Refusals implements Disposable {
  /** Since the start. */
  readonly counts = Object.fromEntries(REFUSALS.map((reason) => [reason, 0])) as Record<RefusalReason, number>;
  readonly #tell: (counts: RefusalCounts) => void;
  readonly #intervalMs: number;
  #untold: Partial<Record<RefusalReason, number>> = {};
  #timer: NodeJS.Timeout | undefined;

  /** `tell` is given what was refused since it was last told. */
  constructor(tell: (counts: RefusalCounts) => void, intervalMs = INTERVAL_MS) {
    this.#tell = tell;
    this.#intervalMs = intervalMs;
  }

  count(reason: RefusalReason): void {
    this.counts[reason]++;
    this.#untold[reason] = (this.#untold[reason] ?? 0) + 1;
    if (this.#timer === undefined) this.#tellAll();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }

  #tellAll(): void {
    this.#timer = undefined;
    if (Object.keys(this.#untold).length === 0) return;
    this.#tell(this.#untold);
    this.#untold = {};
    this.#timer = setTimeout(() => this.#tellAll(), this.#intervalMs).unref();
  }
}
