import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { request } from "node:http";
import { join, resolve } from "node:path";
import type { Report } from "../../src/status/report.ts";
import type { Namespace } from "./namespace.ts";
import { Page } from "./page.ts";
import { TemporaryFolder } from "./temporary-folder.ts";
import { until } from "./waiting.ts";

/** The program under test: the sources, or a built binary that the environment names. */
export const PROMTAP: readonly string[] =
  process.env["PROMTAP"] === undefined
    ? [process.execPath, resolve(import.meta.dirname, "../../src/main.ts")]
    : [process.env["PROMTAP"]];

/** How a run ended. */
export interface Outcome {
  status: number | null;
  stdout: string;
  stderr: string;
}

/** Those that run. A test that failed to end in time leaves its own behind, and they must not outlive the tests. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

/** After which a promtap that should end by itself is ended. */
const END_MS = 20_000;

/** Where it listens that is not told to: not where one listens that is running besides. */
const ANY_PORT = ["--web.listen-address", "127.0.0.1:0"];

/** Runs promtap to its end, in a namespace or in that of the tests. */
export async function runPromtap(
  namespace: Namespace | undefined,
  args: readonly string[],
  prefix: readonly string[] = [],
): Promise<Outcome> {
  const servesNothing = args[0] === "top" || args[0] === "bill";
  const listen = servesNothing || args.some((arg) => /^(?:-p|--port|--web\.listen-address)/.test(arg)) ? [] : ANY_PORT;
  const child = start(namespace, [...prefix, ...PROMTAP, ...args, ...listen]);
  const timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  return outcomeOf(child).finally(() => clearTimeout(timer));
}

/**
 * A promtap that serves its page on a unix socket, which can be reached from outside of the namespace it lives in.
 */
export class RunningPromtap implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #folder: TemporaryFolder;
  readonly #outcome: Promise<Outcome>;
  #hasEnded = false;
  #log = "";

  private constructor(namespace: Namespace | undefined, args: readonly string[], prefix: readonly string[]) {
    this.#folder = new TemporaryFolder();
    this.process = start(namespace, [...prefix, ...PROMTAP, ...args, "--web.listen-address", `unix:${this.#socket}`]);
    this.process.stderr?.on("data", (chunk: Buffer) => (this.#log += chunk.toString()));
    this.#outcome = outcomeOf(this.process).finally(() => (this.#hasEnded = true));
  }

  /** Starts it, in a namespace or in that of the tests, and resolves when it is ready, which is: capturing. */
  static async start(
    namespace: Namespace | undefined,
    args: readonly string[],
    prefix: readonly string[] = [],
  ): Promise<RunningPromtap> {
    const promtap = new RunningPromtap(namespace, args, prefix);
    try {
      await until("promtap is ready", async () => promtap.#hasEnded || (await promtap.get("/-/ready")).status === 200);
      if (promtap.#hasEnded) throw new Error("promtap ended at once");
      return promtap;
    } catch (cause) {
      const { status, stderr } = await promtap.stop();
      promtap.#folder[Symbol.dispose]();
      throw new Error(`promtap did not start; it ended with ${status}: ${stderr}`, { cause });
    }
  }

  async get(path: string, headers: Record<string, string> = {}): Promise<{ status: number; body: string }> {
    return this.#ask("GET", path, headers);
  }

  async post(path: string): Promise<{ status: number; body: string }> {
    return this.#ask("POST", path, {});
  }

  async #ask(method: string, path: string, headers: Record<string, string>): Promise<{ status: number; body: string }> {
    // As a browser of this machine asks, which may see addresses.
    const asked = { Connection: "keep-alive", ...headers };
    const sent = request({ socketPath: this.#socket, method, path, headers: asked, agent: false });
    sent.end();
    const [response] = await once(sent, "response");
    response.setEncoding("utf8");
    let body = "";
    for await (const chunk of response) body += chunk;
    return { status: response.statusCode, body };
  }

  /** The page, with time for all of it on a machine that has much to do. */
  async page(timeoutSeconds = 120): Promise<Page> {
    const { status, body } = await this.get("/metrics", { "X-Prometheus-Scrape-Timeout-Seconds": `${timeoutSeconds}` });
    if (status !== 200) throw new Error(`the page was answered with ${status}: ${body}`);
    return new Page(body);
  }

  /** Scrapes until the page is as it should be, and returns it; for what the program does in its own time. */
  async pageWhere(what: string, condition: (page: Page) => boolean, deadlineMs?: number): Promise<Page> {
    const probe = async (): Promise<Page | undefined> => {
      const page = await this.page();
      return condition(page) ? page : undefined;
    };
    return until(what, probe, deadlineMs);
  }

  /** What its status tells of a list: by name, and what else is said of it, the sum since the start. */
  async listed(title: string): Promise<Map<string, number>> {
    const report = JSON.parse((await this.get("/-/status.json")).body) as Report;
    const { bySum = [] } = report.tops.find((top) => top.title === title) ?? {};
    return new Map(bySum.map(({ name, where, sum }) => [where === "" ? name : `${name} (${where})`, sum]));
  }

  /** Asks until a list is so. */
  async listedWhere(title: string, condition: (sums: Map<string, number>) => boolean): Promise<Map<string, number>> {
    return until(`${title} are as they should be`, async () => {
      const sums = await this.listed(title);
      return condition(sums) ? sums : undefined;
    });
  }

  /** Waits until something is in its log. */
  async logged(what: RegExp): Promise<void> {
    await until(`${what} is logged`, () => what.test(this.#log));
  }

  /** Ends it the way systemd does. */
  async stop(): Promise<Outcome> {
    this.process.kill("SIGTERM");
    return this.#outcome;
  }

  /** Ends it the way the kernel does when memory is short. */
  async kill(): Promise<Outcome> {
    this.process.kill("SIGKILL");
    return this.#outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#folder[Symbol.dispose]();
  }

  get #socket(): string {
    return join(this.#folder.path, "http");
  }
}

function start(namespace: Namespace | undefined, command: readonly string[]): ChildProcess {
  const child = spawnIn(namespace, command);
  running.add(child);
  child.once("close", () => running.delete(child));
  return child;
}

function spawnIn(namespace: Namespace | undefined, command: readonly string[]): ChildProcess {
  if (namespace !== undefined) return namespace.spawn(command);
  const [program = "", ...args] = command;
  return spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = await once(child, "close");
  return { status, stdout, stderr };
}
