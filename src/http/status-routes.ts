import type { IncomingMessage, ServerResponse } from "node:http";
import { sendText } from "./page-sender.ts";
import type { Site, StatusSite } from "./site.ts";
import type { Handler } from "./request.ts";
import { isLocal } from "./local.ts";
import { clientOf, cut } from "./admission/connection.ts";
import { Places } from "./admission/places.ts";

/** Watchers at once, over all addresses: in all, and of each client. */
const MAX_WATCHERS = 256;
const MAX_WATCHERS_PER_CLIENT = 192;
/** What may wait for a watcher that reads slowly; it is cut then, asks again by itself, and gets everything. */
const MAX_WAITING_CHARACTERS = 1024 * 1024;

/** Characters of what is searched for, as the field has it. */
const MAX_WANTED = 200;

/** The page loads its own files and nothing else. */
const CONTENT_SECURITY_POLICY =
  "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'self'; " +
  "frame-ancestors 'none'";

/** Path → what answers there, of the page that tells how the program does; none if there is no such page. */
export function statusHandlers(site: Pick<Site, "status" | "failed">): Map<string, Handler> {
  const { status } = site;
  const handlers = new Map<string, Handler>();
  if (status === undefined) return handlers;
  const send = async (response: ServerResponse, contentType: string, body: Promise<string>): Promise<void> => {
    response.setHeader("Cache-Control", "no-store");
    try {
      sendText(response, 200, await body, contentType);
    } catch (error) {
      site.failed(error);
      sendText(response, 500, "The page could not be made.\n");
    }
  };
  handlers.set("/", (request, response, isKnown) => {
    response.setHeader("Content-Security-Policy", CONTENT_SECURITY_POLICY);
    const page = status.page(isKnown || isLocal(request), wantedOf(request));
    void send(response, "text/html; charset=utf-8", page);
  });
  handlers.set(status.dataPath, (request, response, isKnown) => {
    void send(response, "application/json", status.data(isKnown || isLocal(request)));
  });
  for (const [path, { contentType, body }] of status.files) {
    handlers.set(path, (_, response) => {
      response.writeHead(200, { "Content-Type": contentType, "Content-Length": body.length });
      response.end(body);
    });
  }
  const places = new Places(() => ({ max: MAX_WATCHERS, maxPerClient: MAX_WATCHERS_PER_CLIENT, minWaitMs: 0 }));
  handlers.set(status.eventsPath, (request, response, isKnown) =>
    watch({ status, places, isTrusted: isKnown || isLocal(request) }, request, response),
  );
  return handlers;
}

/** What is searched for. */
function wantedOf({ url = "" }: IncomingMessage): string {
  const [, query = ""] = /^[^?#]*\?([^#]*)/.exec(url) ?? [];
  return (new URLSearchParams(query).get("find") ?? "").trim().slice(0, MAX_WANTED);
}

interface Watching {
  readonly status: StatusSite;
  readonly places: Places;
  readonly isTrusted: boolean;
}

function watch({ status, places, isTrusted }: Watching, request: IncomingMessage, response: ServerResponse): void {
  // It waits for an answer before it, which may be one of events, and have no end.
  if (response.socket === null) {
    sendText(response, 503, "Events need a connection of their own.\n");
    return;
  }
  // Who watches gives way to nobody that comes later.
  const place = { client: clientOf(request.socket), waitingSince: undefined, evict() {} };
  if (!places.take(place, () => {})) {
    const limits = `${MAX_WATCHERS}, of a client ${MAX_WATCHERS_PER_CLIENT}`;
    sendText(response, 503, `Limit of watchers reached (${limits}), try again later.\n`);
    return;
  }
  response.once("close", () => places.leave(place));
  response.writeHead(200, {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-store",
    // nginx would gather them.
    "X-Accel-Buffering": "no",
  });
  if (request.method === "HEAD") {
    response.end();
    return;
  }
  response.flushHeaders();
  let waiting = 0;
  const leave = status.watch({
    isTrusted,
    send(event) {
      waiting += event.length;
      response.write(event, () => (waiting -= event.length));
      if (waiting > MAX_WAITING_CHARACTERS) cut(response);
    },
    end: () => response.end(),
  });
  // A browser that goes closes its half of the connection; nobody waits for an end of the events.
  const { socket } = request;
  const gone = () => response.destroy();
  socket.once("end", gone);
  response.once("close", () => {
    socket.off("end", gone);
    leave();
  });
}
