import { createServer, type RequestListener, type Server as NodeServer } from "node:http";
import type { Socket } from "node:net";
import { isDeepStrictEqual } from "node:util";
import { type ListenAddress, listen, type Listening } from "./listener.ts";
import { Routes } from "./routes.ts";
import type { Site } from "./site.ts";

export interface ServerOptions {
  listen: readonly ListenAddress[];
  telemetryPath: string;
  /** Pages of metrics at once, over all addresses; 0 is no limit. */
  maxRequests?: number;
}

export interface Server extends AsyncDisposable {
  /** As bound: `127.0.0.1:9112`, `[::1]:9112`, `unix:/run/promtap.sock`. */
  readonly addresses: string[];
  /**
   * Serves at these addresses too, and returns what makes them the only ones, or takes that back. Throws PromtapError if
   * it can't listen at one of them, and serves at those before.
   */
  change(addresses: readonly ListenAddress[]): Promise<AddressChange>;
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
  /** Per address. */
  connections: 512,
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
  const routes = new Routes(site, options.telemetryPath, { ...limits, pages: options.maxRequests ?? 40 });
  const server = new Listeners(
    () => openServer(routes, limits),
    limits.graceMs,
    (error) => site.failed(error),
  );
  const listening = await server.change(options.listen);
  await listening.commit();
  return server;
}

function openServer(routes: Routes, limits: typeof LIMITS): NodeServer {
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
  server.maxConnections = limits.connections;
  const unanswered = new WeakMap<Socket, number>();
  const answer: RequestListener = (request, response) => {
    const { socket } = request;
    // What came with one read is parsed to its end, whatever has become of the connection.
    if (socket.destroyed) return;
    const count = (unanswered.get(socket) ?? 0) + 1;
    if (count > limits.unansweredRequests) {
      socket.destroy();
      return;
    }
    unanswered.set(socket, count);
    // `close` of the server ends the connections that are idle then, this the others when they have become so.
    response.once("close", () => {
      unanswered.set(socket, unanswered.get(socket)! - 1);
      if (!server.listening) server.closeIdleConnections();
    });
    routes.answer(request, response);
  };
  server.on("request", answer);
  // Answered at once, without asking for the body.
  server.on("checkContinue", answer);
  return server;
}

/** A server of node:http, and what it listens on. */
interface Listener {
  readonly address: ListenAddress;
  readonly server: NodeServer;
  readonly listening: Listening;
}

/** One server of node:http for each address. */
class Listeners implements Server {
  readonly #open: () => NodeServer;
  readonly #graceMs: number;
  readonly #onError: (error: Error) => void;
  #listeners: readonly Listener[] = [];

  /** `onError` is told of errors after the start, such as no memory for a connection: they must not end the process. */
  constructor(open: () => NodeServer, graceMs: number, onError: (error: Error) => void) {
    this.#open = open;
    this.#graceMs = graceMs;
    this.#onError = onError;
  }

  get addresses(): string[] {
    return this.#listeners.map(({ listening }) => listening.address);
  }

  async change(addresses: readonly ListenAddress[]): Promise<AddressChange> {
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
      this.#listeners = [...kept, ...added];
      await this.#close(before.filter((each) => !kept.includes(each)));
    };
    return { added: added.map(({ listening }) => listening.address), commit, undo };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#close(this.#listeners);
  }

  async #listen(address: ListenAddress): Promise<Listener> {
    const server = this.#open();
    const listening = await listen(server, address);
    server.on("error", this.#onError);
    return { address, server, listening };
  }

  /** Stops listening; resolves when the last connections have closed, or were cut. */
  async #close(listeners: readonly Listener[]): Promise<void> {
    const cut = setTimeout(() => {
      for (const { server } of listeners) server.closeAllConnections();
    }, this.#graceMs);
    await Promise.all(listeners.map(closed));
    clearTimeout(cut);
  }
}

function closed({ server, listening }: Listener): Promise<void> {
  listening.release();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
