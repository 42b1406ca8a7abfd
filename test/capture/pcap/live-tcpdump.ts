import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { until } from "../../support/waiting.ts";

const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;

/** A tcpdump that captures on an interface with a filter. */
export class LiveTcpdump implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;
  #chunks: Buffer[] = [];
  #errors = "";

  private constructor(name: string, expression: string) {
    const args = ["-i", name, "-U", "-w", "-", expression];
    this.#process = spawn("tcpdump", args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stdout!.on("data", (chunk: Buffer) => this.#chunks.push(chunk));
    this.#process.stderr!.on("data", (chunk: Buffer) => (this.#errors += chunk.toString()));
    this.#ended = once(this.#process, "close");
  }

  /** Resolves when it captures, or has refused the filter. */
  static async start(name: string, expression: string): Promise<LiveTcpdump> {
    const tcpdump = new LiveTcpdump(name, expression);
    await until("tcpdump listens", () => tcpdump.#errors.includes("listening on") || tcpdump.hasEnded);
    return tcpdump;
  }

  get hasEnded(): boolean {
    return this.#process.exitCode !== null;
  }

  /** What it said, such as why it refused the filter. */
  get errors(): string {
    return this.#errors;
  }

  /** The frames that it has captured so far. */
  frames(): Buffer[] {
    const file = Buffer.concat(this.#chunks);
    const frames: Buffer[] = [];
    for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= file.length;) {
      const start = at + RECORD_HEADER_BYTES;
      const end = start + file.readUInt32LE(at + 8);
      if (end > file.length) break;
      frames.push(file.subarray(start, end));
      at = end;
    }
    return frames;
  }

  /** Ends it; resolves with all that it captured, of which there are at least so many. */
  async stop(atLeast: number): Promise<Buffer[]> {
    await until(`tcpdump has ${atLeast} frames`, () => this.frames().length >= atLeast || this.hasEnded);
    this.#process.kill("SIGINT");
    await this.#ended;
    return this.frames();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
