import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { GOFLOW2 } from "./goflow2.ts";
import type { Namespace } from "./namespace.ts";
import type { Page } from "./page.ts";
import { until } from "./waiting.ts";

/* What others count of the datagrams that promtap receives. */

/** Packets and bytes by ASes and interfaces, from and to: "64500 64501 3 7". */
export type FlowTally = Map<string, { packets: number; bytes: number }>;

export interface CountedFlow {
  readonly sourceAs: number;
  readonly destinationAs: number;
  readonly input: number;
  readonly output: number;
  readonly packets: number;
  readonly bytes: number;
}

export function tallyOf(flows: Iterable<CountedFlow>): FlowTally {
  const tally: FlowTally = new Map();
  for (const { sourceAs, destinationAs, input, output, packets, bytes } of flows) {
    const key = [sourceAs, destinationAs, input, output].join(" ");
    const before = tally.get(key) ?? { packets: 0, bytes: 0 };
    tally.set(key, { packets: before.packets + packets, bytes: before.bytes + bytes });
  }
  return tally;
}

/** A tally of everything, whatever it is from and to. */
export function totalOf(tally: FlowTally): { packets: number; bytes: number } {
  const all = [...tally.values()];
  const sum = (key: "packets" | "bytes"): number => all.reduce((total, each) => total + each[key], 0);
  return { packets: sum("packets"), bytes: sum("bytes") };
}

/** What a page has counted, with the labels that it has by default. What is internal is also among what is sent. */
export function pageTally(page: Page): FlowTally {
  const flows: CountedFlow[] = [];
  for (const [series, packets] of page.samples) {
    if (!/^flow_(?:transmit|receive|transit)_packets_total\{/.test(series)) continue;
    const label = (name: string): number => Number(new RegExp(`[{,]${name}="(\\d+)"`).exec(series)?.[1]);
    flows.push({
      sourceAs: label("source_as"),
      destinationAs: label("destination_as"),
      input: label("iface_in"),
      output: label("iface_out"),
      packets,
      bytes: page.value(series.replace("_packets_", "_bytes_"))!,
    });
  }
  return tallyOf(flows);
}

/** A program that receives at a port of loopback until it is told to end. */
abstract class Receiver implements AsyncDisposable {
  protected readonly namespace: Namespace;
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  protected constructor(namespace: Namespace, command: readonly string[]) {
    this.namespace = namespace;
    this.#process = namespace.spawn(command, { stdio: "ignore" });
    this.#ended = once(this.#process, "close");
  }

  protected async listens(port: number): Promise<void> {
    await until(`something listens at ${port}`, () => this.#waiting(port) !== undefined);
  }

  /** Resolves when nothing waits in the socket. */
  protected async hasTaken(port: number): Promise<void> {
    await until(`all is taken that came at ${port}`, () => this.#waiting(port) === 0);
  }

  /** Bytes that wait in the socket; undefined if there is none. */
  #waiting(port: number): number | undefined {
    const lines = this.namespace.run("ss", "-Hlun").split("\n");
    const found = lines.find((line) => line.includes(`:${port} `));
    return found === undefined ? undefined : Number(found.trim().split(/\s+/)[1]);
  }

  protected async end(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}

/** nfcapd, and nfdump, which reads what that has written. */
export class Nfcapd extends Receiver {
  readonly #folder: string;
  readonly #port: number;

  /** Returns when it receives. `folder`: where it writes, which it makes. */
  static async start(namespace: Namespace, folder: string, port: number): Promise<Nfcapd> {
    mkdirSync(folder);
    const nfcapd = new Nfcapd(namespace, folder, port);
    await nfcapd.listens(port);
    return nfcapd;
  }

  private constructor(namespace: Namespace, folder: string, port: number) {
    super(namespace, ["nfcapd", "-b", "127.0.0.1", "-p", `${port}`, "-t", "3600", "-l", folder]);
    this.#folder = folder;
    this.#port = port;
  }

  /** Ends it; what it has received by then. */
  async tally(): Promise<FlowTally> {
    await this.hasTaken(this.#port);
    await this.end();
    const text = this.namespace.run("nfdump", "-R", this.#folder, "-q", "-N", "-o", "fmt:%sas %das %in %out %pkt %byt");
    const lines = text.split("\n").filter((line) => /\d/.test(line));
    return tallyOf(
      lines.map((line) => {
        const [sourceAs, destinationAs, input, output, packets, bytes] = line.trim().split(/\s+/).map(Number);
        return { sourceAs, destinationAs, input, output, packets, bytes } as CountedFlow;
      }),
    );
  }

  /** The files that it has written, once it has ended. */
  files(): string[] {
    return readdirSync(this.#folder).map((name) => join(this.#folder, name));
  }
}

/** A line that goflow2 writes. */
interface GoflowLine {
  readonly src_as: number;
  readonly dst_as: number;
  readonly in_if: number;
  readonly out_if: number;
  readonly packets: number;
  readonly bytes: number;
}

export class Goflow2 extends Receiver {
  readonly #path: string;

  /** `scheme`: netflow (with IPFIX) or sflow. `path`: the file that it writes. */
  static async start(namespace: Namespace, path: string, scheme: string, port: number): Promise<Goflow2> {
    const goflow2 = new Goflow2(namespace, path, `${scheme}://127.0.0.1:${port}?count=1&workers=1`);
    await goflow2.listens(port);
    return goflow2;
  }

  private constructor(namespace: Namespace, path: string, listen: string) {
    const output = ["-format", "json", "-transport", "file", "-transport.file", path];
    super(namespace, [GOFLOW2, "-listen", listen, "-addr", "", ...output]);
    this.#path = path;
  }

  /** What it has written, when that is as many records. */
  async tally(records: number): Promise<FlowTally> {
    const lines = await until(`goflow2 has written ${records} records`, () => {
      const all = existsSync(this.#path) ? readFileSync(this.#path, "utf8").split("\n").slice(0, -1) : [];
      return all.length >= records && all;
    });
    return tallyOf(
      lines.map((line) => {
        const { src_as, dst_as, in_if, out_if, packets, bytes } = JSON.parse(line) as GoflowLine;
        return { sourceAs: src_as, destinationAs: dst_as, input: in_if, output: out_if, packets, bytes };
      }),
    );
  }
}
