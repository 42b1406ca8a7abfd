import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request, type RequestOptions } from "node:http";
import { connect, type Socket } from "node:net";
import { buffer, text } from "node:stream/consumers";
import { ErrorCode, PromtapError } from "../../src/errors.ts";
import { type LIMITS, type Server, type ServerOptions, startServer } from "../../src/http/server.ts";
import type { Rules } from "../../src/http/admission/admission.ts";
import { LIMITS as DEFAULTS } from "../../src/http/server.ts";
import type { Site } from "../../src/http/site.ts";

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  text: string;
}

/** Serves the site on a free port of 127.0.0.1. */
export function serve(
  site: Site,
  { maxRequests, ...options }: Partial<ServerOptions> & Pick<Rules, "maxRequests"> = {},
  limits: Partial<typeof LIMITS> = {},
): Promise<Server> {
  return startServer(
    {
      listen: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
      telemetryPath: "/metrics",
      ...(maxRequests === undefined ? {} : { rules: { maxRequests } }),
      ...options,
    },
    site,
    { ...DEFAULTS, ...limits },
  );
}

export function portOf(server: Server, index = 0): number {
  return Number(/\d+$/.exec(server.addresses[index] ?? ""));
}

/** Sends a request on a connection of its own, and resolves with the answer whose body is still to be read. */
export async function begin(server: Server, path: string, options: RequestOptions = {}): Promise<IncomingMessage> {
  const sent = request({ host: "127.0.0.1", port: portOf(server), path, agent: false, ...options });
  sent.end();
  const [message] = (await once(sent, "response")) as [IncomingMessage];
  return message;
}

/** Rejects if the answer is not complete. */
export async function ask(server: Server, path: string, options: RequestOptions = {}): Promise<Answer> {
  const message = await begin(server, path, options);
  const body = await buffer(message);
  return { status: message.statusCode ?? 0, headers: message.headers, body, text: body.toString() };
}

/** The page that is served there. */
export async function fetchText(options: { host?: string; port?: number; socketPath?: string }): Promise<string> {
  const sent = request({ path: "/metrics", agent: false, ...options });
  sent.end();
  const [message] = await once(sent, "response");
  return text(message);
}

/** An error that is ours, in one line, and says this. */
export function saying(message: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PromtapError, String(error));
    assert.equal(error.code, ErrorCode.HOST);
    assert.equal(error.message, message);
    return true;
  };
}

/** A connection that speaks for itself: what it receives, and how it ends. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  received = "";
  readonly #closed = Promise.withResolvers<string | undefined>();

  constructor(port: number) {
    this.socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true });
    let code: string | undefined;
    this.socket.on("data", (data) => (this.received += data.toString("latin1")));
    this.socket.on("end", () => this.socket.end());
    this.socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
    this.socket.on("close", () => this.#closed.resolve(code));
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** Resolves when the connection has ended: with the code of an error, or undefined if it ended in order. */
  get closed(): Promise<string | undefined> {
    return this.#closed.promise;
  }

  /** Resolves once as much as this has come. */
  async until(text: string): Promise<void> {
    while (!this.received.includes(text)) await once(this.socket, "data");
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}
