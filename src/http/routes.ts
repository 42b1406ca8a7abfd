import type { IncomingMessage, ServerResponse } from "node:http";
import type { Admission } from "./admission/admission.ts";
import { type PageLimits, PageSender, sendText } from "./page-sender.ts";
import { type Handler, hasBody, pathOf } from "./request.ts";
import type { Site } from "./site.ts";
import { statusHandlers } from "./status-routes.ts";

const READING = ["GET", "HEAD"];
const CHANGING = ["POST", "PUT"];
const RELOAD_PATH = "/-/reload";

/** The landing page has its styles inside and loads nothing; nothing here is made to be framed. */
const SECURITY_HEADERS = new Map([
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
  ["Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"],
]);

const HEALTH_PATHS = ["/-/healthy", "/healthz"];

/** Which path answers with what. Nothing of a request is ever repeated in an answer. */
export class Routes {
  readonly #site: Site;
  readonly #handlers: Map<string, Handler>;
  /** What answers at all other paths. */
  readonly #fallback: Handler | undefined;

  constructor(site: Site, telemetryPath: string, limits: PageLimits, admission: Admission) {
    this.#site = site;
    const pages = new PageSender(site, limits, admission);
    const sendPage: Handler = (request, response) => void pages.send(request, response);
    const sendLanding: Handler = (_, response) =>
      sendText(response, 200, site.landingPage(), "text/html; charset=utf-8");
    const sendHealthy: Handler = (_, response) => sendText(response, 200, "Healthy\n");
    this.#handlers = new Map<string, Handler>([
      ...HEALTH_PATHS.map((path) => [path, sendHealthy] as const),
      ["/-/ready", (_, response) => sendReady(response, site.ready())],
    ]);
    const { otherPaths = "own" } = site;
    if (otherPaths === "own") {
      this.#handlers.set("/", sendLanding);
      for (const [path, handler] of statusHandlers(site)) this.#handlers.set(path, handler);
      this.#handlers.set(RELOAD_PATH, (_, response) => void this.#reload(response));
    }
    // Last, so that it wins over the landing page if the metrics are at "/".
    this.#handlers.set(telemetryPath, sendPage);
    this.#fallback = { own: undefined, none: undefined, page: sendPage, landing: sendLanding }[otherPaths];
  }

  /** To be called before any answer is begun. */
  prepare(request: IncomingMessage, response: ServerResponse): void {
    for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
    // Nobody needs a body: it is left unread, so the connection is good for no other request.
    if (hasBody(request)) response.shouldKeepAlive = false;
  }

  /** Never throws: what fails is told to the site. */
  answer(request: IncomingMessage, response: ServerResponse, isKnown: boolean): void {
    try {
      this.#route(request, response, isKnown);
    } catch (error) {
      this.#site.failed(error);
      sendText(response, 500, "The page could not be made.\n");
    }
  }

  /** Whether a request is for what tells that the program runs, and nothing else. */
  isForHealth(request: IncomingMessage): boolean {
    return HEALTH_PATHS.includes(pathOf(request));
  }

  #route(request: IncomingMessage, response: ServerResponse, isKnown: boolean): void {
    const path = pathOf(request);
    const handler = this.#handlers.get(path) ?? this.#fallback;
    const methods = path === RELOAD_PATH && this.#fallback === undefined ? CHANGING : READING;
    if (handler === undefined) {
      sendText(response, 404, "Not found\n");
    } else if (!methods.includes(request.method ?? "")) {
      response.setHeader("Allow", methods.join(", "));
      sendText(response, 405, "Method not allowed\n");
    } else {
      handler(request, response, isKnown);
    }
  }

  async #reload(response: ServerResponse): Promise<void> {
    if (this.#site.reload === undefined) {
      sendText(response, 403, "Not enabled: see --web.enable-lifecycle.\n");
      return;
    }
    const reason = await this.#site.reload();
    // What is wrong may hold what is secret, such as a part of a file: the log has it.
    if (reason === undefined) sendText(response, 200, "Reloaded\n");
    else sendText(response, 500, "Couldn't reload; what runs stays as it is. The log says why.\n");
  }
}

function sendReady(response: ServerResponse, isReady: boolean): void {
  if (isReady) sendText(response, 200, "Ready\n");
  else sendText(response, 503, "Not ready\n");
}
