import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Access, Judgement } from "./admission/access.ts";
import type { Admission } from "./admission/admission.ts";
import type { Connection } from "./admission/connection.ts";
import { sendText } from "./page-sender.ts";
import type { RefusalReason } from "./admission/refusals.ts";
import type { Routes } from "./routes.ts";

/** Lets requests through to the routes, or answers them itself. */
export class Gate {
  #routes: Routes;
  readonly #admission: Admission;

  constructor(routes: Routes, admission: Admission) {
    this.#routes = routes;
    this.#admission = admission;
  }

  /** Lets the requests to come through to these. */
  use(routes: Routes): void {
    this.#routes = routes;
  }

  answer(request: IncomingMessage, response: ServerResponse): void {
    const connection = this.#admission.connections.of(request);
    if (connection === undefined) return;
    connection.heard();
    this.#routes.prepare(request, response);
    const { access, isHealthOpen = false } = this.#admission.rules;
    const isOpen = isHealthOpen && this.#routes.isForHealth(request);
    if (!isOpen && !this.#admission.isAllowed(connection)) this.#refuse(response, 403, "address");
    else if (isOpen || access === undefined) this.#routes.answer(request, response, false);
    else void this.#judge(access, connection, request, response);
  }

  async #judge(
    access: Access,
    connection: Connection,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    connection.beginWork();
    const judgement = await access.judge(request, connection.client);
    connection.endWork();
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
      this.#routes.answer(request, response, connection.isKnown || judgement.isKnown === true);
      return;
    }
    for (const [name, value] of Object.entries(refusal.headers ?? {})) response.setHeader(name, value);
    this.#refuse(response, refusal.status, refusal.reason);
  }

  #refuse(response: ServerResponse, status: number, reason: RefusalReason): void {
    this.#admission.refused(reason);
    sendText(response, status, `${STATUS_CODES[status]}\n`);
  }
}

function setHeaders(response: ServerResponse, { headers }: Judgement): void {
  for (const [name, value] of headers) {
    if (value === "") response.removeHeader(name);
    else response.setHeader(name, value);
  }
}
