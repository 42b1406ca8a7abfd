/** For the page's way back to Prometheus; what blackbox_exporter leaves too. */
const MARGIN_MS = 500;
const LONGEST_MS = 120_000;

/**
 * The time a page may take, in milliseconds, by the header X-Prometheus-Scrape-Timeout-Seconds: a little less than
 * Prometheus waits, two minutes at most and where the header is missing or cannot be read.
 */
export function scrapeTimeoutMs(header: string | undefined): number {
  if (header === undefined || !/^\d+(?:\.\d*)?$/.test(header)) return LONGEST_MS;
  const waitedMs = Number(header) * 1_000;
  if (waitedMs === 0) return LONGEST_MS;
  return Math.min(Math.max(waitedMs - MARGIN_MS, waitedMs / 2), LONGEST_MS);
}
