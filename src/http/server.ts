import { createServer, type RequestListener, type Server as NodeServer } from "node:http";
import type { Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { Admission, type Rules } from "./admission/admission.ts";
import { type Answer, Front } from "./front.ts";
import { Gate } from "./gate.ts";
import { type ListenAddress, listen, type Listening } from "./listener.ts";
import { Routes } from "./routes.ts";
import type { Site } from "./site.ts";

/** A site, and where its page of metrics is. */
export interface Served {
  readonly site: Site;
  readonly telemetryPath: string;
}

export interface ServerOptions {
  listen: readonly ListenAddress[];
  telemetryPath: string;
  rules?: Rules;
}

export interface Server extends AsyncDisposable {
  /** As bound: `127.0.0.1:9112`, `[::1]:9112`, `unix:/run/promtap.sock`. */
  readonly addresses: string[];
  /**
   * Serves at these addresses too, and returns what makes them the only ones, has these rules count and serves this site,
   * or takes that back. Throws PromtapError if it can't listen at one of them, and serves at those before.
   */
  change(addresses: readonly ListenAddress[], rules?: Rules, served?: Served): Promise<AddressChange>;
}

/** Other addresses, to be served at alone or not at all. */
export interface AddressChange {
  /** As bound, those that were not served at before. */
  readonly added: readonly string[];
  commit(): Promise<void>;
  undo(): Promise<void>;
}

/** What a client may take up. A scrape by Prometheus needs one connection and 1 KiB of headers. */
export const LIMITS = {
  headerBytes: 8 * 1024,
  /** From the connection, or the end of the request before, to the end of the headers. */
  headersMs: 5_000,
  /** To the end of a body, which nobody needs. */
  requestMs: 10_000,
  /** Longer than the usual scrape intervals, and a multiple of none, so that no scrape meets the closing connection. */
  idleMs: 95_000,
  /** For a client to take anything of an answer that is waiting for it. */
  stallMs: 30_000,
  /** For a page to be made: what a client may name as its scrape time-out, and what it has without naming one. */
  pageMs: 120_000,
  /** For a page to be taken, beyond the time to make it: a reader that is slow for ever would keep its place. */
  pageMarginMs: 5_000,
  /** How late the two limits of a request may be noticed. */
  checkMs: 1_000,
  /** At once, over all addresses; one that is silent gives way to what is new. */
  connections: 512,
  connectionsPerClient: 384,
  /** For a client to take a piece of a page, when others wait for its place. */
  slowMs: 500,
  /** Requests of a connection that wait for their answers: a client that sends on and on without reading is cut. */
  unansweredRequests: 256,
  /** For the answers in progress to end when the server stops. */
  graceMs: 1_000,
};

/**
 * Serves the site on all addresses, until it is disposed of: then it stops listening, lets answers in progress end, and
 * cuts what takes too long. Throws PromtapError if it cannot listen.
 */
export async function startServer(options: ServerOptions, site: Site, limits: typeof LIMITS = LIMITS): Promise<Server> {
  const admission = new Admission(options.rules ?? {}, limits, (reason) => site.refused?.(reason));
  const server = new Listeners({ site, telemetryPath: options.telemetryPath }, limits, admission);
  const listening = await server.change(options.listen);
  await listening.commit();
  return server;
}

/** Opens a server whose requests go there. */
function openServer(limits: typeof LIMITS, answer: Answer): NodeServer {
  const server = createServer({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersMs,
    requestTimeout: limits.requestMs,
    keepAliveTimeout: limits.idleMs,
    connectionsCheckingInterval: limits.checkMs,
  });
  // Undocumented, but as old as Node: a client that closes its half after the request (nc) still gets the answer.
  // Without it node:http ends the answer in good order where it stands, and half a page looks like one.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.timeout = limits.stallMs;
  const unanswered = new WeakMap<Socket, number>();
  const count: RequestListener = (request, response) => {
    const { socket } = request;
    // What came with one read is parsed to its end, whatever has become of the connection.
    if (socket.destroyed) return;
    const requests = (unanswered.get(socket) ?? 0) + 1;
    if (requests > limits.unansweredRequests) {
      socket.destroy();
      return;
    }
    unanswered.set(socket, requests);
    // `close` of the server ends the connections that are idle then, this the others when they have become so.
    response.once("close", () => {
      unanswered.set(socket, unanswered.get(socket)! - 1);
      if (!server.listening) server.closeIdleConnections();
    });
    answer(request, response);
  };
  server.on("request", count);
  // Answered at once, without asking for the body.
  server.on("checkContinue", count);
  return server;
}

/** A server of node:http, and what it listens on. */
interface Listener {
  readonly address: ListenAddress;
  readonly server: NodeServer;
  readonly front: Front;
  readonly listening: Listening;
}

/** One server of node:http for each address. */
class Listeners implements Server {
  readonly #limits: typeof LIMITS;
  #site: Site;
  readonly #gate: Gate;
  readonly #admission: Admission;
  #listeners: readonly Listener[] = [];

  constructor(served: Served, limits: typeof LIMITS, admission: Admission) {
    this.#limits = limits;
    this.#site = served.site;
    this.#admission = admission;
    this.#gate = new Gate(this.#routesOf(served), admission);
  }

  get addresses(): string[] {
    return this.#listeners.map(({ listening }) => listening.address);
  }

  async change(
    addresses: readonly ListenAddress[],
    rules: Rules = this.#admission.rules,
    served?: Served,
  ): Promise<AddressChange> {
    const before = this.#listeners;
    const added: Listener[] = [];
    const undo = () => this.#close(added);
    try {
      for (const address of addresses) {
        if (!before.some((each) => isDeepStrictEqual(each.address, address))) added.push(await this.#listen(address));
      }
    } catch (error) {
      await undo();
      throw error;
    }
    const kept = before.filter(({ address }) => addresses.some((each) => isDeepStrictEqual(each, address)));
    const commit = async (): Promise<void> => {
      this.#admission.rules = rules;
      if (served !== undefined && served.site !== this.#site) this.#serve(served);
      this.#listeners = [...kept, ...added];
      await this.#close(before.filter((each) => !kept.includes(each)));
    };
    return { added: added.map(({ listening }) => listening.address), commit, undo };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close(this.#listeners);
  }

  #serve(served: Served): void {
    this.#site = served.site;
    this.#gate.use(this.#routesOf(served));
  }

  #routesOf({ site, telemetryPath }: Served): Routes {
    return new Routes(site, telemetryPath, this.#limits, this.#admission);
  }

  async #listen(address: ListenAddress): Promise<Listener> {
    const answer: Answer = (request, response) => this.#gate.answer(request, response);
    const server = openServer(this.#limits, answer);
    const front = new Front(server, answer, this.#admission, this.#limits);
    const listening = await listen(server, address);
    // Such as no memory for a connection: that must not end the process.
    server.on("error", (error) => this.#site.failed(error));
    return { address, server, front, listening };
  }

  /** Stops listening; resolves when the last connections have closed, or were cut. */
  async #close(listeners: readonly Listener[]): Promise<void> {
    const cut = setTimeout(() => {
      for (const { server, front } of listeners) {
        front.cut();
        server.closeAllConnections();
      }
    }, this.#limits.graceMs);
    await Promise.all(listeners.map(closed));
    clearTimeout(cut);
  }
}

function closed({ server, front, listening }: Listener): Promise<void> {
  listening.release();
  return new Promise((resolve) => {
    server.close(() => resolve());
    front.close();
  });
}
