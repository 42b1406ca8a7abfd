import type { Report, ReportedInterface, ReportedLine } from "../status/report.ts";
import { bitRate, bytes, duration, packetRate, whole } from "../status/numbers.ts";
import { plain } from "../status/plain.ts";
import { cell } from "./text.ts";

/** What is shown, and how. */
export interface ScreenState {
  /** Number of the list that is shown; the interfaces are the first. */
  readonly list: number;
  readonly order: "rate" | "sum";
  readonly isPaused: boolean;
  /** Only what has this in its name is shown. */
  readonly filter: string;
  /** Whether keys go to the filter. */
  readonly isTyping: boolean;
}

export const FIRST_STATE: ScreenState = { list: 0, order: "rate", isPaused: false, filter: "", isTyping: false };

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const BARS = "▁▂▃▄▅▆▇█";
const CHART_COLUMNS = 16;
const STATE_COLUMNS = 4;
const MIN_NAME_COLUMNS = 8;
const NUMBER_COLUMNS = 13;
const HELP = "tab list  s rate/sum  / filter  p pause  q quit";
const INVERSE = "\u001b[7m";
const RESET = "\u001b[0m";

/** The lines of the screen, as many as fit, none longer than it is wide. `isColoured`: heads are inverse. */
export function screen(report: Report, state: ScreenState, { columns, rows }: Size, isColoured: boolean): string[] {
  const lists = ["interfaces", ...report.tops.map(({ title }) => title)];
  const list = Math.min(state.list, lists.length - 1);
  const tabs = lists.map((title, index) => (index === list ? `[${title}]` : ` ${title} `)).join(" ");
  const body = list === 0 ? interfaceLines(report, state, columns) : topLines(report, list - 1, state, columns);
  const [head = "", ...lines] = body;
  const marked = isColoured ? `${INVERSE}${cell(head, columns)}${RESET}` : cell(head, columns).trimEnd();
  const top = [
    ...summary(report).map((line) => cell(plain(line), columns).trimEnd()),
    cell(tabs, columns).trimEnd(),
    marked,
  ];
  const room = Math.max(rows - top.length - 1, 0);
  const shown = lines.slice(0, room).map((line) => cell(line, columns).trimEnd());
  const gap = Array.from({ length: room - shown.length }, () => "");
  return [...top, ...shown, ...gap, cell(footer(state), columns).trimEnd()].slice(0, rows);
}

function summary({ interfaces, engine, version, uptimeSeconds, at, refusals, collectors }: Report): string[] {
  const sum = (of: "bytesPerSecond" | "packetsPerSecond") =>
    interfaces.reduce((total, each) => total + (each[of] ?? 0), 0);
  const lost = interfaces.reduce((total, each) => total + each.lostPackets, 0);
  const failing = collectors.filter(({ error }) => error !== null).map(({ name }) => name);
  const down = interfaces.filter(({ isUp }) => !isUp).length;
  const troubles = [
    ...(lost > 0 ? [`${whole(lost)} packets lost`] : []),
    ...(down > 0 ? [`${down} interfaces down`] : []),
    ...(failing.length > 0 ? [`failing: ${failing.join(", ")}`] : []),
    ...refusals.slice(0, 1),
  ];
  return [
    `promtap ${version}  ${engine}  up ${duration(uptimeSeconds)}  ${at.slice(11, 19)} UTC`,
    `${bitRate(sum("bytesPerSecond"))}  ${packetRate(sum("packetsPerSecond"))}  ${troubles.length === 0 ? "all is well" : troubles.join("; ")}`,
  ];
}

function footer({ isTyping, filter, isPaused }: ScreenState): string {
  if (isTyping) return `/${plain(filter)}_`;
  return [...(isPaused ? ["PAUSED"] : []), ...(filter === "" ? [] : [`/${plain(filter)}`]), HELP].join("  ");
}

function interfaceLines({ interfaces }: Report, { filter }: ScreenState, columns: number): string[] {
  const nameColumns = Math.max(columns - STATE_COLUMNS - CHART_COLUMNS - 3 * NUMBER_COLUMNS - 5, MIN_NAME_COLUMNS);
  const row = (name: string, state: string, chart: string, ...numbers: readonly string[]): string =>
    [cell(name, nameColumns), cell(state, STATE_COLUMNS), cell(chart, CHART_COLUMNS), ...numbers.map(right)].join(" ");
  const sorted = interfaces
    .filter(({ name }) => name.includes(filter))
    .toSorted((a, b) => (b.bytesPerSecond ?? 0) - (a.bytesPerSecond ?? 0));
  return [
    row("interface", "", "last minute", "traffic", "packets", "lost"),
    ...sorted.map((each) =>
      row(
        plain(each.name),
        each.isUp ? "up" : "down",
        sparkline(each),
        each.bytesPerSecond === null ? "–" : bitRate(each.bytesPerSecond),
        each.packetsPerSecond === null ? "–" : packetRate(each.packetsPerSecond),
        whole(each.lostPackets),
      ),
    ),
  ];
}

function topLines({ tops }: Report, index: number, { order, filter }: ScreenState, columns: number): string[] {
  const { title, byRate, bySum } = tops[index]!;
  const nameColumns = Math.max(columns - CHART_COLUMNS - 2 * NUMBER_COLUMNS - 3, MIN_NAME_COLUMNS);
  const row = (name: string, where: string, now: string, sum: string): string =>
    [cell(name, nameColumns), cell(where, CHART_COLUMNS), right(now), right(sum)].join(" ");
  const lines = (order === "rate" ? byRate : bySum).filter(({ name }: ReportedLine) => name.includes(filter));
  return [
    row(`${title} by ${order}`, "interface", "now", "since start"),
    ...lines.map((each) =>
      row(plain(each.name), plain(each.interface), bitRate(each.bytesPerSecond), bytes(each.bytes)),
    ),
  ];
}

function right(text: string): string {
  return text.padStart(NUMBER_COLUMNS);
}

/** The last values as bars; the highest is the largest. */
function sparkline({ history }: ReportedInterface): string {
  const values = history.slice(-CHART_COLUMNS);
  const largest = Math.max(...values, Number.MIN_VALUE);
  return values.map((value) => BARS[Math.min(Math.floor((value / largest) * BARS.length), BARS.length - 1)]).join("");
}
