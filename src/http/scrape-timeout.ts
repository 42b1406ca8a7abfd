/** For the page's way back to Prometheus; what blackbox_exporter leaves too. */
const MARGIN_MS = 500;
/** What Prometheus waits if its configuration names no scrape_timeout. */
export const USUAL_TIMEOUT_MS = 10_000 - MARGIN_MS;

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
