import { setTimeout as delay } from "node:timers/promises";
import { cell } from "../columns.ts";
import { messageOf } from "../errors.ts";
import type { Report } from "../status/report.ts";
import { plain } from "../status/plain.ts";
import { keysOf, pressed } from "./keys.ts";
import { FIRST_STATE, screen, type ScreenState, titlesOf } from "./screen.ts";
import { Terminal, terminalSize } from "./terminal.ts";
import { legible } from "./text.ts";

const PERIOD_MS = 1000;
/** More than there ever are, and of them those that all lists have. */
const ALL_ROWS = 10_000;
const HEAD_ROWS = 2;
/** Until rates are told: they need two. */
const MAX_LOOKS = 3;
/** In raw mode the terminal makes no signal of it. */
const SUSPEND = "\u001a";

/** Tells how a promtap does. Throws PromtapError. */
export type Ask = () => Promise<Report>;

/** Prints one look, with rates: as JSON, or as the screen would have it. */
export async function printOnce(ask: Ask, isJson: boolean): Promise<void> {
  let report = await ask();
  for (let looks = 1; looks < MAX_LOOKS && !hasRates(report); looks++) {
    await delay(PERIOD_MS);
    report = await ask();
  }
  const text = isJson ? JSON.stringify(report) : legible(lists(report).join("\n"));
  process.stdout.write(`${text}\n`);
}

/** Whether interfaces and lists were looked at twice; some may be new. */
function hasRates({ interfaces, tops }: Report): boolean {
  const isRated = interfaces.length === 0 || interfaces.some(({ bytesPerSecond }) => bytesPerSecond !== null);
  return isRated && tops.every(({ bySum }) => bySum.length === 0 || bySum.some(({ history }) => history.length > 0));
}

/** The lines of all lists, one after the other. */
function lists(report: Report): string[] {
  const size = { ...terminalSize(), rows: ALL_ROWS };
  const all = titlesOf(report).map((_, list) => {
    return screen(report, { ...FIRST_STATE, list, order: "sum" }, size, false)
      .slice(0, -1)
      .filter((line) => line !== "");
  });
  return [...all[0]!.slice(0, HEAD_ROWS), ...all.flatMap((lines) => ["", ...lines.slice(HEAD_ROWS + 1)])];
}

/** Shows what is asked every second until a key or the signal ends it. */
export class Top {
  readonly #ask: Ask;
  readonly #end = Promise.withResolvers<void>();
  #state: ScreenState = FIRST_STATE;
  #report: Report | undefined;
  #terminal: Terminal | undefined;
  #trouble = "";
  #isAsking = false;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Throws PromtapError if there is no first answer. Leaves the terminal as it was. */
  async run(signal: AbortSignal): Promise<void> {
    signal.addEventListener("abort", () => this.#end.resolve(), { once: true });
    if (signal.aborted) return;
    await Promise.race([this.#ask().then((report) => (this.#report = report)), this.#end.promise]);
    if (signal.aborted) return;
    using terminal = new Terminal({ typed: (text) => this.#type(text), changed: () => this.#draw() });
    this.#terminal = terminal;
    const timer = setInterval(() => void this.#look(), PERIOD_MS);
    this.#draw();
    await this.#end.promise;
    clearInterval(timer);
    this.#terminal = undefined;
  }

  async #look(): Promise<void> {
    if (this.#state.isPaused || this.#isAsking) return;
    this.#isAsking = true;
    try {
      this.#report = await this.#ask();
      this.#trouble = "";
    } catch (error) {
      this.#trouble = messageOf(error);
    } finally {
      this.#isAsking = false;
    }
    this.#draw();
  }

  #type(text: string): void {
    for (const key of keysOf(text)) {
      if (key === SUSPEND) this.#terminal?.suspend();
      else this.#press(key);
    }
  }

  #press(key: string): void {
    const state = pressed(key, this.#state, titlesOf(this.#report!).length);
    if (state === undefined) {
      this.#end.resolve();
      return;
    }
    this.#state = state;
    this.#draw();
  }

  #draw(): void {
    if (this.#terminal === undefined) return;
    const size = terminalSize();
    const isColoured = process.env["NO_COLOR"] === undefined || process.env["NO_COLOR"] === "";
    const lines = screen(this.#report!, this.#state, size, isColoured);
    if (this.#trouble !== "") lines[1] = cell(plain(this.#trouble), size.columns).trimEnd();
    this.#terminal.draw(lines.map((line) => legible(line)));
  }
}
