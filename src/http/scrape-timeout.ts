/** For the page's way back to Prometheus; what blackbox_exporter leaves too. */
const MARGIN_MS = 500;

/**
 * The time a page may take, in milliseconds, by the header X-Prometheus-Scrape-Timeout-Seconds: a little less than
 * Prometheus waits; the longest where the header names more, is missing or cannot be read.
 */
export function scrapeTimeoutMs(header: string | undefined, longestMs: number): number {
  if (header === undefined || !/^\d+(?:\.\d*)?$/.test(header)) return longestMs;
  const waitedMs = Number(header) * 1_000;
  if (waitedMs === 0) return longestMs;
  return Math.min(Math.max(waitedMs - MARGIN_MS, waitedMs / 2), longestMs);
}
