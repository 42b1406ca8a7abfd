import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Access, Judgement } from "./access.ts";
import { sendText } from "./page-sender.ts";
import type { Routes } from "./routes.ts";

/** Lets requests through to the routes, or answers them itself. */
export class Gate {
  readonly #routes: Routes;
  readonly #access: () => Access | undefined;
  readonly #refused: (reason: string) => void;

  /** `access`: what counts at the time. `refused`: told why a request was refused. */
  constructor(routes: Routes, access: () => Access | undefined, refused: (reason: string) => void) {
    this.#routes = routes;
    this.#access = access;
    this.#refused = refused;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const access = this.#access();
    this.#routes.prepare(request, response);
    if (access === undefined) this.#routes.answer(request, response);
    else void this.#judge(access, request, response);
  }

  async #judge(access: Access, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const judgement = await access.judge(request, request.socket.remoteAddress ?? "");
    if (request.socket.destroyed) return;
    // The connection may be older than the wish that it were protected.
    if (access.isProtected && !("encrypted" in request.socket)) {
      response.shouldKeepAlive = false;
      sendText(response, 400, "Client sent an HTTP request to an HTTPS server.\n");
      return;
    }
    setHeaders(response, judgement);
    const { refusal } = judgement;
    if (refusal === undefined) {
      this.#routes.answer(request, response);
      return;
    }
    this.#refused(refusal.reason);
    for (const [name, value] of Object.entries(refusal.headers ?? {})) response.setHeader(name, value);
    sendText(response, refusal.status, `${STATUS_CODES[refusal.status]}\n`);
  }
}

function setHeaders(response: ServerResponse, { headers }: Judgement): void {
  for (const [name, value] of headers) {
    if (value === "") response.removeHeader(name);
    else response.setHeader(name, value);
  }
}
