import type { IncomingMessage, ServerResponse } from "node:http";
import type { Selection } from "./site.ts";

/** For the page's way back to Prometheus; what blackbox_exporter leaves too. */
const MARGIN_MS = 500;
/** What Prometheus waits if its configuration names no scrape_timeout. */
export const USUAL_TIMEOUT_MS = 10_000 - MARGIN_MS;

/** Answers a request. `isKnown`: whether whoever asks has shown a password or a certificate. */
export type Handler = (request: IncomingMessage, response: ServerResponse, isKnown: boolean) => void;

/** Whether the client sends a body with it. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0;
}

/** The path of the request target, which may be a whole URL (RFC 9112 section 3.2.2), without the query. */
export function pathOf(request: IncomingMessage): string {
  const [, path] = /^(?:https?:\/\/[^/?#]*)?([^?#]*)/i.exec(request.url ?? "") ?? [];
  return path || "/";
}

/** Reads `?collect[]=…&exclude[]=…&name[]=…`, as node_exporter and client libraries of Prometheus do. */
export function selectionOf(target: string): Selection {
  const query = new URLSearchParams(target.replace(/^[^?]*\??/, ""));
  return { collect: query.getAll("collect[]"), exclude: query.getAll("exclude[]"), names: query.getAll("name[]") };
}

/**
 * The time a page may take, in milliseconds, by the header X-Prometheus-Scrape-Timeout-Seconds: a little less than
 * Prometheus waits, and at most `maxMs`; undefined if the header is missing or cannot be read.
 */
export function scrapeTimeoutMs(header: string | undefined, maxMs: number): number | undefined {
  if (header === undefined || !/^\d+(?:\.\d*)?$/.test(header)) return undefined;
  const waitedMs = Number(header) * 1_000;
  if (waitedMs === 0) return undefined;
  return Math.min(Math.max(waitedMs - MARGIN_MS, waitedMs / 2), maxMs);
}

/**
 * Whether an Accept-Encoding header (RFC 9110 section 12.5.3) asks for gzip. Without the header a client may take any
 * encoding, but only one that asks is known to undo it.
 */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const qualities = new Map((acceptEncoding ?? "").toLowerCase().split(",").map(parseCoding));
  return (qualities.get("gzip") ?? qualities.get("x-gzip") ?? qualities.get("*") ?? 0) > 0;
}

/** Reads `gzip;q=0.5`; a quality that cannot be read refuses. */
function parseCoding(text: string): [name: string, quality: number] {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim());
  const [, quality = "0"] = /^q\s*=\s*([01](?:\.\d*)?)$/.exec(parameters.join(";")) ?? [];
  return [name, parameters.length === 0 ? 1 : Number(quality)];
}
