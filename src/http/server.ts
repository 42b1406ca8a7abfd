import { createServer, type RequestListener, type Server as NodeServer } from "node:http";
import type { Socket } from "node:net";
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
  addresses: string[];
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
  const server = new Listeners(limits.graceMs);
  try {
    for (const address of options.listen) await server.add(openServer(routes, limits), address);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  server.onError((error) => site.failed(error));
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

/** One server of node:http for each address. */
class Listeners implements Server {
  readonly #servers = new Map<NodeServer, Listening>();
  readonly #graceMs: number;

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  get addresses(): string[] {
    return [...this.#servers.values()].map(({ address }) => address);
  }

  async add(server: NodeServer, address: ListenAddress): Promise<void> {
    this.#servers.set(server, await listen(server, address));
  }

  /** Errors after the start, such as no memory for a connection: they must not end the process. */
  onError(listener: (error: Error) => void): void {
    for (const server of this.#servers.keys()) server.on("error", listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const cut = setTimeout(() => {
      for (const server of this.#servers.keys()) server.closeAllConnections();
    }, this.#graceMs);
    await Promise.all([...this.#servers].map(closed));
    clearTimeout(cut);
  }
}

/** Stops listening; resolves when the last connection has closed. */
function closed([server, listening]: readonly [NodeServer, Listening]): Promise<void> {
  listening.release();
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
