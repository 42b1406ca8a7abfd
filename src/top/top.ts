import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../errors.ts";
import type { Report } from "../status/report.ts";
import { plain } from "../status/plain.ts";
import { keysOf, pressed } from "./keys.ts";
import { FIRST_STATE, screen, type ScreenState, type Size, titlesOf } from "./screen.ts";
import { cell } from "./text.ts";

const PERIOD_MS = 1000;
/** More than there ever are, and of them those that all lists have. */
const ALL_ROWS = 10_000;
const HEAD_ROWS = 2;
const USUAL_SIZE = { columns: 80, rows: 24 };
/** Another screen, without a cursor, on which a line that is wider than it was thought to be pushes none down. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";

/** Tells how a promtap does. Throws PromtapError. */
export type Ask = () => Promise<Report>;

/** Prints one look: as JSON, or as the screen would have it. Rates need two. */
export async function printOnce(ask: Ask, isJson: boolean): Promise<void> {
  let report = await ask();
  if (report.interfaces.some(({ bytesPerSecond }) => bytesPerSecond === null)) {
    await delay(PERIOD_MS);
    report = await ask();
  }
  const text = isJson ? JSON.stringify(report) : lists(report).join("\n");
  process.stdout.write(`${text}\n`);
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
  #trouble = "";
  #isAsking = false;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  /** Throws PromtapError if there is no first answer. Leaves the terminal as it was. */
  async run(signal: AbortSignal): Promise<void> {
    const { stdin, stdout } = process;
    this.#report = await this.#ask();
    signal.addEventListener("abort", () => this.#end.resolve(), { once: true });
    const draw = () => this.#draw();
    const press = (text: Buffer) => {
      for (const key of keysOf(text.toString())) this.#press(key);
    };
    stdout.write(ENTER);
    if (stdin.isTTY) stdin.setRawMode(true).resume().on("data", press);
    stdout.on("resize", draw);
    const timer = setInterval(() => void this.#look(), PERIOD_MS);
    try {
      draw();
      await this.#end.promise;
    } finally {
      clearInterval(timer);
      stdout.off("resize", draw);
      if (stdin.isTTY) stdin.off("data", press).setRawMode(false).pause();
      stdout.write(LEAVE);
    }
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
    const size = terminalSize();
    const isColoured = process.env["NO_COLOR"] === undefined || process.env["NO_COLOR"] === "";
    const lines = screen(this.#report!, this.#state, size, isColoured);
    if (this.#trouble !== "") lines[1] = cell(plain(this.#trouble), size.columns).trimEnd();
    // Behind a line as wide as the terminal it would take the last character away.
    process.stdout.write(HOME + lines.map((line) => CLEAR_LINE + line).join("\r\n"));
  }
}

function terminalSize(): Size {
  const { isTTY, columns, rows } = process.stdout;
  // A serial line knows no size.
  return isTTY && columns > 0 && rows > 0 ? { columns, rows } : USUAL_SIZE;
}
