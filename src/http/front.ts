import type { IncomingMessage, Server as NodeServer, ServerResponse } from "node:http";
import { createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { createServer as createTlsServer, type Server as TlsServer, type TLSSocket } from "node:tls";
import type { Access, Protection } from "./admission/access.ts";
import type { Admission } from "./admission/admission.ts";
import { resetSocket, socketBelow } from "./admission/connection.ts";

/** The first byte of a connection by TLS: a record of the handshake (RFC 8446 section 5.1). */
const TLS_HANDSHAKE = 0x16;
/** What Go's server says to a client that speaks HTTP where HTTPS is spoken. */
const PLAIN_REFUSAL = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n";

/** What a client of HTTP/2 may take up besides. */
const HTTP2 = {
  settings: { maxConcurrentStreams: 32, maxHeaderListSize: 8 * 1024, enablePush: false },
  /** In MB: of headers and of what waits to be sent. */
  maxSessionMemory: 1,
  maxSessionInvalidFrames: 100,
};

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface FrontOptions {
  /** For the first byte to come, and for the handshake after that. */
  readonly headersMs: number;
  readonly idleMs: number;
  /** For a client of HTTP/2 to take anything of an answer. */
  readonly stallMs: number;
  /** How late it may be noticed that a session of HTTP/2 has ended, and its connection has not. */
  readonly checkMs: number;
}

/**
 * What stands between a listening server of node:http and its parser: TLS, if that is asked for at the time, and after
 * the handshake the choice between HTTP/1.1 and HTTP/2.
 */
export class Front {
  readonly #admission: Admission;
  readonly #options: FrontOptions;
  readonly #parse: (socket: Socket) => void;
  readonly #http2: Http2Server;
  #tls: { protection: Protection; server: TlsServer } | undefined;
  /** Connections before the end of their handshake. */
  readonly #begun = new Set<Socket>();
  readonly #sessions = new Map<ServerHttp2Session, Socket>();
  readonly #sweeping: NodeJS.Timeout;

  constructor(server: NodeServer, answer: Answer, admission: Admission, options: FrontOptions) {
    this.#admission = admission;
    this.#options = options;
    const [parse] = server.listeners("connection") as ((this: NodeServer, socket: Socket) => void)[];
    this.#parse = (socket) => parse!.call(server, socket);
    server.removeAllListeners("connection");
    server.on("connection", (socket: Socket) => this.#accept(socket));
    this.#http2 = openHttp2(answer, options);
    this.#sweeping = setInterval(() => this.#sweep(), options.checkMs).unref();
  }

  /** Lets the answers in progress end that node:http does not know of, and nothing else. */
  close(): void {
    clearInterval(this.#sweeping);
    this.#sweep();
    for (const socket of this.#begun) socket.destroy();
    for (const session of this.#sessions.keys()) session.close();
  }

  /** Ends those too. */
  cut(): void {
    for (const [session, socket] of this.#sessions) {
      session.destroy();
      resetSocket(socket);
    }
  }

  /** Ends connections that Node leaves open for good when it ends a session that floods it, and tells nobody of it. */
  #sweep(): void {
    for (const [session, socket] of this.#sessions) if (session.destroyed) resetSocket(socket);
  }

  #accept(socket: Socket): void {
    if (this.#admission.admit(socket) === undefined) {
      resetSocket(socket);
      return;
    }
    const { access } = this.#admission.rules;
    if (access === undefined) {
      this.#parse(socket);
      return;
    }
    this.#begun.add(socket);
    const limit = setTimeout(() => socket.destroy(), this.#options.headersMs).unref();
    socket.once("close", () => {
      clearTimeout(limit);
      this.#begun.delete(socket);
    });
    // Whatever becomes of it, it is over then.
    socket.on("error", () => {});
    socket.once("readable", () => void this.#protect(socket, access, limit));
  }

  async #protect(socket: Socket, access: Access, limit: NodeJS.Timeout): Promise<void> {
    const first = socket.read(1) as Buffer | null;
    if (first === null) {
      socket.destroy();
      return;
    }
    socket.unshift(first);
    // Who speaks TLS may know of a protection that is not known here yet.
    const mayBeProtected = access.isProtected || first[0] === TLS_HANDSHAKE;
    const protection = mayBeProtected ? await access.protection() : undefined;
    if (socket.destroyed) return;
    if (protection === undefined) {
      clearTimeout(limit);
      this.#begun.delete(socket);
      this.#parse(socket);
      return;
    }
    if (first[0] !== TLS_HANDSHAKE) {
      socket.end(PLAIN_REFUSAL, () => socket.destroy());
      return;
    }
    // The handshake has a limit of its own.
    clearTimeout(limit);
    this.#serverOf(protection).emit("connection", socket);
  }

  #serverOf(protection: Protection): TlsServer {
    if (this.#tls?.protection === protection) return this.#tls.server;
    const options = { ...protection.options, allowHalfOpen: true, handshakeTimeout: this.#options.headersMs };
    const server = createTlsServer(options);
    server.on("secureConnection", (socket) => this.#dispatch(socket, protection));
    server.on("tlsClientError", (_, socket) => {
      this.#admission.refused("tls");
      socket.destroy();
    });
    this.#tls = { protection, server };
    return server;
  }

  #dispatch(socket: TLSSocket, protection: Protection): void {
    socket.on("error", () => {});
    const below = socketBelow(socket);
    this.#begun.delete(below);
    const connection = this.#admission.connections.get(below)!;
    if (protection.refuses(socket) !== undefined) {
      this.#admission.refused("certificate");
      socket.destroy();
      return;
    }
    connection.isKnown = protection.knows(socket);
    if (socket.alpnProtocol === "h2") {
      // Nobody who speaks HTTP/2 ends a half to wait for an answer: nc does, by HTTP/1.1.
      socket.allowHalfOpen = false;
      this.#http2.once("session", (session) => {
        this.#admission.connections.add(session, connection);
        this.#sessions.set(session, below);
        below.once("close", () => this.#sessions.delete(session));
      });
      this.#http2.emit("connection", socket);
    } else {
      this.#admission.connections.add(socket, connection);
      this.#parse(socket);
    }
  }
}

function openHttp2(answer: Answer, { idleMs, stallMs }: FrontOptions): Http2Server {
  const server = createHttp2Server(HTTP2);
  server.setTimeout(idleMs);
  server.on("sessionError", () => {});
  const listener = (request: unknown, response: unknown): void => {
    const { stream } = request as { stream: { setTimeout(ms: number): void } };
    stream.setTimeout(stallMs);
    // What it has in common with node:http is all that is used of that.
    answer(request as IncomingMessage, response as ServerResponse);
  };
  server.on("request", listener);
  server.on("checkContinue", listener);
  return server;
}
