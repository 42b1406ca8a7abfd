import { request } from "node:http";
import { once } from "node:events";
import { join, resolve } from "node:path";
import { Page } from "../../support/page.ts";
import { Child } from "../rig/child.ts";
import { INTERFACE, PROGRAM_CPU, type Rig } from "../rig/rig.ts";
import { RANGES } from "../rig/sender.ts";
import type { Population } from "../rig/traffic-file.ts";
import type { Counted, Listener, Program } from "./program.ts";

export const PROMTAP = resolve(import.meta.dirname, "../../../dist/promtap");

/** The engines that account live traffic of this volume; `pcap` is for a few packets and slows the sender down. */
const ENGINES = ["ring", "bpf", "tcx"] as const;

/** What a live promtap accounts in every section. */
export const LIVE_FLAGS: readonly string[] = ["-i", INTERFACE, ...RANGES.flatMap((range) => ["-r", range])];

/** Where a promtap that serves a file listens; TCP, for clients that know nothing else. */
export const PROMTAP_PORT = 9113;

export const promtaps: readonly Program[] = ENGINES.map((engine) => ({
  name: `promtap --engine ${engine}`,
  unavailable: false,
  start: (rig: Rig) => Promtap.start(rig, ["--engine", engine, ...LIVE_FLAGS]),
}));

/** An earlier build, to compare with. */
const BEFORE = process.env["BEFORE"];

/** None if the environment names no earlier build. */
export const promtapsBefore: readonly Program[] =
  BEFORE === undefined
    ? []
    : ENGINES.map((engine) => ({
        name: `before: promtap --engine ${engine}`,
        unavailable: false,
        start: (rig: Rig) => Promtap.start(rig, ["--engine", engine, ...LIVE_FLAGS], [BEFORE]),
      }));

let started = 0;

/** A promtap in the listener's namespace that serves on a unix socket, which is reachable from everywhere. */
export class Promtap implements Listener {
  readonly child: Child;
  readonly #socket: string;

  private constructor(rig: Rig, program: readonly string[], flags: readonly string[]) {
    this.#socket = join(rig.folder.path, `promtap-${++started}.sock`);
    const command = [...program, ...flags, "--web.listen-address", `unix:${this.#socket}`];
    this.child = new Child(rig, rig.listener, PROGRAM_CPU, command);
  }

  /** `program`: the command to run in place of the binary. */
  static async start(
    rig: Rig,
    flags: readonly string[],
    program: readonly string[] = [PROMTAP],
    patienceMs?: number,
  ): Promise<Promtap> {
    const promtap = new Promtap(rig, program, flags);
    const isReady = async (): Promise<boolean> => (await promtap.get("/-/ready")).status === 200;
    await promtap.child.until("is ready", isReady, patienceMs);
    return promtap;
  }

  get pid(): number {
    return this.child.pid;
  }

  async get(path: string): Promise<{ status: number; body: string }> {
    return get(this.#socket, path);
  }

  /** A page small enough to be held in memory. `names`: of families, if not all of them. */
  async page(...names: readonly string[]): Promise<Page> {
    const query = names.map((name) => `name[]=${name}`).join("&");
    return new Page((await this.get(`/metrics?${query}`)).body);
  }

  async counted(): Promise<Counted> {
    const page = await this.page();
    return {
      packets: page.sum("promacct_packet_size_bytes_ipv4_tx_count"),
      admittedLost: page.sum("promtap_capture_lost_packets_total"),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.child.stop();
  }
}

/** Starts a promtap that accounts a file and goes on to serve its page. */
export async function servedFrom(
  rig: Rig,
  path: string,
  population: Population,
): Promise<AsyncDisposable & { port: number; pid: number }> {
  const listen = ["--web.listen-address", `127.0.0.1:${PROMTAP_PORT}`];
  const promtap = await Promtap.start(rig, ["--read", path, "-r", population.range, ...listen]);
  return Object.assign(promtap, { port: PROMTAP_PORT });
}

/** Gets a path over a unix socket, on a connection of its own. */
export async function get(socketPath: string, path: string): Promise<{ status: number; body: string }> {
  const sent = request({ socketPath, path, agent: false });
  sent.end();
  const [response] = await once(sent, "response");
  response.setEncoding("utf8");
  let body = "";
  for await (const chunk of response) body += chunk;
  return { status: response.statusCode, body };
}
