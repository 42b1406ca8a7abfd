import { messageOf } from "../../errors.ts";
import { errno, errnoText } from "../../native/libc.ts";
import { sendDatagram } from "./notify-socket.ts";
import type { ReloadListener } from "../reloads.ts";

/** How often the watchdog is fed in the time that systemd allows; sd_watchdog_enabled(3) advises half of it. */
const FEEDS_PER_LIMIT = 3;
/** Until a message that systemd had no room for is sent again. */
const AGAIN_MS = 100;
/** systemd cuts what is longer. */
const MAX_STATUS_CHARACTERS = 200;

/** What a service is told by its environment. */
const VARIABLES = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] as const;

/**
 * What systemd is told of the program (sd_notify(3)): when it is ready, that it reads its configuration again, that it
 * goes on, and that it ends. Without systemd, nothing is sent.
 */
export class ServiceManager implements Disposable, ReloadListener {
  readonly #socket: string | undefined;
  readonly #watchdogMs: number | undefined;
  readonly #onUnheard: (error: string) => void;
  readonly #unsent: string[] = [];
  #again: NodeJS.Timeout | undefined;
  #feeding: NodeJS.Timeout | undefined;
  #doing = (): string => "";
  /** Why the configuration that was read last is not the one in force. */
  #failure: string | undefined;
  #toldStatus = "";
  #isHeard = true;

  private constructor(socket: string | undefined, watchdogMs: number | undefined, onUnheard: (error: string) => void) {
    this.#socket = socket;
    this.#watchdogMs = watchdogMs;
    this.#onUnheard = onUnheard;
  }

  /** Takes its variables out of the environment, which programs that are started inherit. */
  static take(environment: NodeJS.ProcessEnv, onUnheard: (error: string) => void): ServiceManager {
    const [socket, microseconds, pid] = VARIABLES.map((name) => environment[name]);
    for (const name of VARIABLES) delete environment[name];
    const isMeant = pid === undefined || Number(pid) === process.pid;
    const watchdogMs = isMeant && Number(microseconds) > 0 ? Number(microseconds) / 1000 : undefined;
    return new ServiceManager(socket === "" ? undefined : socket, watchdogMs, onUnheard);
  }

  /**
   * All has started. From now on the watchdog is fed as long as `beat` returns, which has capture show that it goes on.
   * `status`: what the program does, in a line.
   */
  ready(beat: () => void, status: () => string): void {
    if (this.#socket === undefined) return;
    this.#doing = status;
    this.#send(["READY=1", this.#statusLine(this.#status())]);
    if (this.#watchdogMs === undefined) return;
    const feed = (): void => {
      beat();
      this.#feed();
    };
    feed();
    this.#feeding = setInterval(feed, this.#watchdogMs / FEEDS_PER_LIMIT);
  }

  began(): void {
    // CLOCK_MONOTONIC, as uv_hrtime reads it
    const microseconds = process.hrtime.bigint() / 1000n;
    this.#send(["RELOADING=1", `MONOTONIC_USEC=${microseconds}`, this.#statusLine("reading the configuration again")]);
  }

  ended(failure: string | undefined): void {
    this.#failure = failure;
    this.#send(["READY=1", this.#statusLine(this.#status())]);
  }

  stopping(): void {
    clearInterval(this.#feeding);
    this.#send(["STOPPING=1", this.#statusLine("ending")]);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#feeding);
    clearTimeout(this.#again);
  }

  #feed(): void {
    // One that waits to be sent is as good.
    if (this.#unsent.length > 0) return;
    const status = this.#status();
    this.#send(status === this.#toldStatus ? ["WATCHDOG=1"] : ["WATCHDOG=1", this.#statusLine(status)]);
  }

  #status(): string {
    return this.#failure === undefined ? this.#doing() : `goes on as before, couldn't reload: ${this.#failure}`;
  }

  #statusLine(status: string): string {
    this.#toldStatus = status;
    return `STATUS=${status.replace(/\s+/g, " ").slice(0, MAX_STATUS_CHARACTERS)}`;
  }

  #send(lines: readonly string[]): void {
    if (this.#socket === undefined) return;
    this.#unsent.push(lines.join("\n"));
    this.#sendAll(this.#socket);
  }

  #sendAll(socket: string): void {
    clearTimeout(this.#again);
    for (let message = this.#unsent[0]; message !== undefined; message = this.#unsent[0]) {
      const result = resultOf(socket, message);
      if (result === -errno.EAGAIN) {
        this.#again = setTimeout(() => this.#sendAll(socket), AGAIN_MS);
        return;
      }
      this.#unsent.shift();
      const error = typeof result === "number" && result < 0 ? errnoText(result) : result;
      // Each time would be every few seconds.
      if (typeof error === "string" && this.#isHeard) this.#onUnheard(error);
      this.#isHeard = typeof error !== "string";
    }
  }
}

/** What sending returned, or why libc can't be called. */
function resultOf(socket: string, message: string): number | string {
  try {
    return sendDatagram(socket, message);
  } catch (error) {
    return messageOf(error);
  }
}
