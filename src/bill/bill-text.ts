import { cell, columnsOf } from "../columns.ts";
import type { Bill, BillRow, Gap } from "./bill.ts";
import type { BillFormat } from "./options.ts";

const MAX_GAPS = 10;
const MINUTE_MS = 60_000;
const THOUSANDS = ["", "k", "M", "G", "T", "P", "E"];

const RATES = ["in", "out", "larger", "sum"] as const;

/** A bill as it is printed, and notes on it, a line each, that don't belong into a file of numbers. */
export function billText(bill: Bill, format: BillFormat): { readonly text: string; readonly notes: readonly string[] } {
  if (format === "json") return { text: jsonOf(bill), notes: bill.faults };
  const notes = [...bill.faults, ...notesOf(bill)];
  return { text: format === "csv" ? csvOf(bill) : tableOf(bill), notes };
}

function jsonOf({ month, labelNames, rows, intervals, samples, uncountedMs, gaps }: Bill): string {
  const value = {
    month: month.text,
    timezone: month.timeZone,
    from: timeText(month.fromMs),
    to: timeText(month.toMs),
    intervals,
    samples,
    uncounted_seconds: Math.round(uncountedMs / 1000),
    gaps: gaps.map(({ fromMs, toMs }) => ({ from: timeText(fromMs), to: timeText(toMs) })),
    rows: rows.map((row) => ({
      labels: Object.fromEntries(labelNames.map((name, at) => [name, row.labels[at]])),
      bytes_in: row.bytesIn,
      bytes_out: row.bytesOut,
      p95_bits_per_second: Object.fromEntries(RATES.map((name) => [name, row[name]])),
    })),
  };
  return `${JSON.stringify(value, null, 2)}\n`;
}

function csvOf({ labelNames, rows }: Bill): string {
  const head = [...labelNames, "bytes_in", "bytes_out", ...RATES.map((name) => `p95_${name}_bits_per_second`)];
  const lines = rows.map((row) => [
    ...row.labels.map(noFormula),
    row.bytesIn,
    row.bytesOut,
    ...RATES.map((name) => row[name]),
  ]);
  return [head, ...lines].map((cells) => `${cells.map((cell) => csvCell(String(cell))).join(",")}\r\n`).join("");
}

/** A spreadsheet calculates what begins like a formula, whoever has named a customer so. */
function noFormula(text: string): string {
  return /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}

/** RFC 4180, section 2. */
function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function tableOf({ labelNames, rows }: Bill): string {
  const head = [...labelNames, "in", "out", ...RATES.map((name) => `95 % ${name}`)];
  const lines = rows.map((row) => [...row.labels.map(harmless), ...numbersOf(row)]);
  // There may be more lines than a call takes arguments.
  const widths = head.map((title, at) =>
    lines.reduce((most, line) => Math.max(most, columnsOf(line[at]!)), title.length),
  );
  const format = (texts: readonly string[]): string =>
    texts
      .map((text, at) => (at < labelNames.length ? cell(text, widths[at]!) : text.padStart(widths[at]!)))
      .join("  ")
      .trimEnd();
  return [head, ...lines].map((line) => `${format(line)}\n`).join("");
}

function numbersOf(row: BillRow): string[] {
  const bytes = [row.bytesIn, row.bytesOut].map((value) => `${scaled(value)}B`);
  return [...bytes, ...RATES.map((name) => `${scaled(row[name])}bit/s`)];
}

/** Three digits and more, and a prefix of 1000. */
function scaled(value: number): string {
  let power = 0;
  let left = value;
  // What would be rounded to 1000 has the next prefix.
  while (left >= 999.95 && power + 1 < THOUSANDS.length) {
    left /= 1000;
    power++;
  }
  return `${power === 0 ? left : left.toFixed(left < 99.95 ? 2 : 1)} ${THOUSANDS[power]}`;
}

/** Labels may have what a terminal obeys. */
function harmless(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\ufffd");
}

function notesOf({ month, intervals, samples, uncountedMs, gaps }: Bill): string[] {
  const span = `${month.text}, from ${timeText(month.fromMs)} to ${timeText(month.toMs)} (${month.timeZone})`;
  const head = `${span}: ${samples} samples of ${intervals} intervals of 5 minutes that are over`;
  const minutes = Math.round(uncountedMs / MINUTE_MS);
  if (minutes === 0) return [head];
  const some = gaps.slice(0, MAX_GAPS).map(gapText);
  const more = gaps.length > MAX_GAPS ? [`no samples: ${gaps.length - MAX_GAPS} times more`] : [];
  return [head, `nothing was counted for ${minutes} minutes of it`, ...some, ...more];
}

function gapText({ fromMs, toMs }: Gap): string {
  return `no samples: from ${timeText(fromMs)} to ${timeText(toMs)}, ${(toMs - fromMs) / MINUTE_MS} minutes`;
}

function timeText(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}Z`;
}
