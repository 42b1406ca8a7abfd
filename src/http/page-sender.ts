import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline, type Writable } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { ErrorCode, PromtapError } from "../errors.ts";
import type { Admission } from "./admission/admission.ts";
import { type Connection, cut, isOver } from "./admission/connection.ts";
import type { Holder } from "./admission/places.ts";
import { acceptsGzip, scrapeTimeoutMs, selectionOf, USUAL_TIMEOUT_MS } from "./request.ts";
import type { Exposition, Site } from "./site.ts";

const RETRY_SECONDS = 5;

/**
 * Level 1 makes a page nine times smaller; level 6 ten times, for twice the CPU time (9 against 4.5 ms a MB, Node 24.21).
 * Large pieces, because each costs a turn of a thread.
 */
const GZIP = { level: 1, chunkSize: 64 * 1024 };

export interface PageLimits {
  /** For a page to be made, if the client names no shorter time. */
  pageMs: number;
  /** For the client to take it, beyond that. */
  pageMarginMs: number;
}

/** Sends the page of metrics: only so many at once, each no faster than its reader takes it. */
export class PageSender {
  readonly #site: Site;
  readonly #limits: PageLimits;
  readonly #admission: Admission;

  constructor(site: Site, limits: PageLimits, admission: Admission) {
    this.#site = site;
    this.#limits = limits;
    this.#admission = admission;
  }

  /** Never rejects: what fails is told to the site, what the client asks for in vain to the client. */
  async send(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (response.socket === null) await turn(response);
    const connection = this.#admission.connections.of(request);
    if (connection === undefined) return;
    const place = new PagePlace(connection, response);
    if (!this.#admission.takePage(place)) {
      response.setHeader("Retry-After", RETRY_SECONDS);
      const { maxPages } = this.#admission;
      sendText(response, 503, `Limit of concurrent requests reached (${maxPages}), try again later.\n`);
      return;
    }
    connection.beginWork();
    try {
      await this.#sendPage(request, response, place);
    } catch (error) {
      if (error instanceof PromtapError && error.code === ErrorCode.REQUEST) {
        sendText(response, 400, `${error.message}\n`);
        return;
      }
      this.#site.failed(error);
      fail(response);
    } finally {
      connection.endWork();
      this.#admission.leavePage(place);
    }
  }

  async #sendPage(request: IncomingMessage, response: ServerResponse, place: PagePlace): Promise<void> {
    const { headers } = request;
    const { pageMs, pageMarginMs } = this.#limits;
    const timeoutMs = scrapeTimeoutMs(headers["x-prometheus-scrape-timeout-seconds"]?.toString(), pageMs);
    const selection = selectionOf(request.url ?? "");
    const page = this.#site.expose(headers.accept, timeoutMs ?? USUAL_TIMEOUT_MS, selection);
    const isZipped = acceptsGzip(headers["accept-encoding"]?.toString());
    if (request.method === "HEAD") {
      writeHead(response, page, isZipped);
      response.end();
      return;
    }
    limitTime(response, (timeoutMs ?? pageMs) + pageMarginMs);
    let body: Writable | undefined;
    for await (const chunk of page.chunks) {
      // Not before there is something to send: until then a failure can still be answered as one.
      body ??= openBody(response, page, isZipped);
      if (!(await place.waitFor(take(body, chunk, response)))) return;
    }
    body ??= openBody(response, page, isZipped);
    body.end();
    if (!isOver(response)) await place.waitFor(once(response, "close"));
  }
}

/** The place of a page, which is slow as long as its client does not take what it is given. */
class PagePlace implements Holder {
  readonly client: string;
  waitingSince: number | undefined;
  readonly #connection: Connection;
  readonly #response: ServerResponse;

  constructor(connection: Connection, response: ServerResponse) {
    this.client = connection.client;
    this.#connection = connection;
    this.#response = response;
  }

  evict(): void {
    cut(this.#response);
  }

  /** Waits for what the client has to do. */
  async waitFor<T>(taken: Promise<T>): Promise<T> {
    this.waitingSince = performance.now();
    this.#connection.endWork();
    try {
      return await taken;
    } finally {
      this.#connection.beginWork();
      this.waitingSince = undefined;
    }
  }
}

/**
 * A client may send its next request before it has read an answer: until that is sent, the next one's has no socket. It
 * waits outside the limit, and if the connection closes, for ever: nothing holds it then.
 */
async function turn(response: ServerResponse): Promise<void> {
  await once(response, "socket");
  // The answer before it gives back its place when it is told of its end, a moment after it lost the socket.
  await setImmediate();
}

/** Cuts off an answer whose client takes nothing for a while, or has not taken all of it in this time. */
function limitTime(response: ServerResponse, maxMs: number): void {
  // The timer of the socket runs while the page is made, too: only a client that has something to take is late.
  response.on("timeout", () => {
    if (response.writableLength > 0) cut(response);
  });
  const limit = setTimeout(cut, maxMs, response).unref();
  response.once("close", () => clearTimeout(limit));
}

function writeHead(response: ServerResponse, page: Exposition, isZipped: boolean): void {
  response.setHeader("Vary", "Accept, Accept-Encoding");
  if (isZipped) response.setHeader("Content-Encoding", "gzip");
  response.writeHead(200, { "Content-Type": page.contentType });
}

function openBody(response: ServerResponse, page: Exposition, isZipped: boolean): Writable {
  writeHead(response, page, isZipped);
  if (!isZipped) return response;
  const gzip = createGzip(GZIP);
  // Either one that breaks takes the other with it; `take` notices.
  pipeline(gzip, response, () => {});
  return gzip;
}

/**
 * Writes a chunk; resolves when its memory is no longer needed, to whether the client is still there. The callback of
 * the write is the proof: `drain` may come while the bytes still wait in the socket.
 */
function take(body: Writable, chunk: Uint8Array, response: ServerResponse): Promise<boolean> {
  if (response.destroyed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const leave = () => resolve(false);
    response.once("close", leave);
    body.write(chunk, (error) => {
      response.off("close", leave);
      resolve(!error);
    });
  });
}

/** Sends a short answer whole; the body is left out if the request was HEAD. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  contentType = "text/plain; charset=utf-8",
): void {
  response.writeHead(status, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(text) });
  response.end(text);
}

/** Answers with an error if that is still possible; else breaks the connection, so that no half looks like a page. */
function fail(response: ServerResponse): void {
  if (response.headersSent) cut(response);
  else sendText(response, 500, "The page could not be made.\n");
}
