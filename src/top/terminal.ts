import type { Size } from "./screen.ts";

const USUAL_SIZE = { columns: 80, rows: 24 };
/** Another screen, without a cursor, on which a line that is wider than it was thought to be pushes none down. */
const ENTER = "\u001b[?1049h\u001b[?25l\u001b[?7l";
const LEAVE = "\u001b[?7h\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";

/** Whether there is a terminal that lines can be drawn on. */
export function isThereTerminal(): boolean {
  return process.stdout.isTTY && process.env["TERM"] !== "dumb";
}

export function terminalSize(): Size {
  const { isTTY, columns, rows } = process.stdout;
  // A serial line knows no size.
  return isTTY && columns > 0 && rows > 0 ? { columns, rows } : USUAL_SIZE;
}

/** Whom a terminal tells what it is told. */
export interface TerminalUser {
  /** Text as it is typed. */
  typed(text: string): void;
  /** What is shown has to be drawn again. */
  changed(): void;
}

/** The terminal, as it is needed here until this is disposed of: it is left as it was. */
export class Terminal implements Disposable {
  readonly #user: TerminalUser;
  readonly #press = (text: Buffer) => this.#user.typed(text.toString());
  readonly #draw = () => this.#user.changed();
  readonly #goOn = () => this.#enter();

  constructor(user: TerminalUser) {
    this.#user = user;
    const { stdin, stdout } = process;
    if (stdin.isTTY) stdin.resume().on("data", this.#press);
    stdout.on("resize", this.#draw);
    process.on("SIGCONT", this.#goOn);
    this.#enter();
  }

  draw(lines: readonly string[]): void {
    // Behind a line as wide as the terminal it would take the last character away.
    process.stdout.write(HOME + lines.map((line) => CLEAR_LINE + line).join("\r\n"));
  }

  /** Stops the program, as the key does where nobody else reads it; returns when it goes on. */
  suspend(): void {
    this.#leave();
    process.kill(process.pid, "SIGTSTP");
    this.#enter();
  }

  [Symbol.dispose](): void {
    const { stdin, stdout } = process;
    stdout.off("resize", this.#draw);
    process.off("SIGCONT", this.#goOn);
    if (stdin.isTTY) stdin.off("data", this.#press).pause();
    this.#leave();
  }

  #enter(): void {
    // Twice, because Node sets no mode that it has set before, whoever has set another one since.
    if (process.stdin.isTTY) process.stdin.setRawMode(false).setRawMode(true);
    process.stdout.write(ENTER);
    this.#draw();
  }

  #leave(): void {
    if (process.stdin.isTTY) process.stdin.setRawMode(false);
    process.stdout.write(LEAVE);
  }
}
