import { cell } from "../columns.ts";
import { bitRate, byteRate, duration, packetRate, sumText, whole } from "../status/numbers.ts";
import { plain } from "../status/plain.ts";
import type { Report, ReportedTop } from "../status/report.ts";
import { sparkline } from "./text.ts";

/** What is shown, and how. */
export interface ScreenState {
  /** Number of the list that is shown, of those that `titlesOf` names. */
  readonly list: number;
  readonly order: "rate" | "sum";
  /** What rates of bytes are shown in, a second. */
  readonly unit: "bits" | "bytes";
  readonly isPaused: boolean;
  /** Only what has this in its name, or in what else is said of it, is shown. */
  readonly filter: string;
  /** Whether keys go to the filter. */
  readonly isTyping: boolean;
}

export const FIRST_STATE: ScreenState = {
  list: 0,
  order: "rate",
  unit: "bits",
  isPaused: false,
  filter: "",
  isTyping: false,
};

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

const CHART_COLUMNS = 16;
const STATE_COLUMNS = 4;
const MIN_NAME_COLUMNS = 8;
const NUMBER_COLUMNS = 13;
/** With less, there is no room for charts. */
const MIN_CHART_COLUMNS = 64;
const HELP = "tab list  s rate/sum  u units  / filter  p pause  q quit";
const INVERSE = "\u001b[7m";
const RESET = "\u001b[0m";

/** What the lists are called, in order. */
export function titlesOf({ isCounted, tops }: Report): string[] {
  return [...(isCounted || tops.length === 0 ? ["interfaces"] : []), ...tops.map(({ title }) => title)];
}

/** The lines of the screen, as many as fit, none longer than it is wide. `isColoured`: heads are inverse. */
export function screen(report: Report, state: ScreenState, { columns, rows }: Size, isColoured: boolean): string[] {
  const titles = titlesOf(report);
  const list = Math.min(state.list, titles.length - 1);
  const tabs = titles.map((title, index) => (index === list ? `[${plain(title)}]` : ` ${plain(title)} `)).join(" ");
  const top = report.tops[list - (titles.length - report.tops.length)];
  const body = top === undefined ? interfaceLines(report, state, columns) : topLines(top, state, columns);
  const [head = "", ...lines] = body;
  const marked = isColoured ? `${INVERSE}${cell(head, columns)}${RESET}` : cell(head, columns).trimEnd();
  const above = [
    ...summary(report, state).map((line) => cell(plain(line), columns).trimEnd()),
    cell(tabs, columns).trimEnd(),
    marked,
  ];
  const room = Math.max(rows - above.length - 1, 0);
  const shown = lines.slice(0, room).map((line) => cell(line, columns).trimEnd());
  const gap = Array.from({ length: room - shown.length }, () => "");
  return [...above, ...shown, ...gap, cell(footer(state), columns).trimEnd()].slice(0, rows);
}

function summary(report: Report, state: ScreenState): string[] {
  const { interfaces, engine, version, uptimeSeconds, at, refusals, collectors, isCounted } = report;
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
  const rates = isCounted
    ? [byteRateText(state, sum("bytesPerSecond")), packetRate(sum("packetsPerSecond"))]
    : ["no traffic is counted"];
  return [
    [`promtap ${version}`, ...(isCounted ? [engine] : []), `up ${duration(uptimeSeconds)}`, `${at.slice(11, 19)} UTC`],
    [...rates, troubles.length === 0 ? "all is well" : troubles.join("; ")],
  ].map((parts) => parts.join("  "));
}

function footer({ isTyping, filter, isPaused }: ScreenState): string {
  if (isTyping) return `/${plain(filter)}_`;
  return [...(isPaused ? ["PAUSED"] : []), ...(filter === "" ? [] : [`/${plain(filter)}`]), HELP].join("  ");
}

function interfaceLines({ interfaces }: Report, state: ScreenState, columns: number): string[] {
  const nameColumns = Math.max(columns - STATE_COLUMNS - CHART_COLUMNS - 3 * NUMBER_COLUMNS - 5, MIN_NAME_COLUMNS);
  const row = (name: string, up: string, chart: string, ...numbers: readonly string[]): string =>
    [cell(name, nameColumns), cell(up, STATE_COLUMNS), cell(chart, CHART_COLUMNS), ...numbers.map(right)].join(" ");
  const sorted = interfaces
    .filter(({ name }) => isWanted(name, state))
    .toSorted((a, b) => (b.bytesPerSecond ?? 0) - (a.bytesPerSecond ?? 0));
  return [
    row("interface", "", "last minute", "traffic", "packets", "lost"),
    ...sorted.map((each) =>
      row(
        plain(each.name),
        each.isUp ? "up" : "down",
        sparkline(each.history, CHART_COLUMNS),
        each.bytesPerSecond === null ? "–" : byteRateText(state, each.bytesPerSecond),
        each.packetsPerSecond === null ? "–" : packetRate(each.packetsPerSecond),
        whole(each.lostPackets),
      ),
    ),
  ];
}

function topLines({ title, unit, byRate, bySum }: ReportedTop, state: ScreenState, columns: number): string[] {
  const chartColumns = columns >= MIN_CHART_COLUMNS ? CHART_COLUMNS : 0;
  const nameColumns = Math.max(columns - chartColumns - 2 * NUMBER_COLUMNS - 3, MIN_NAME_COLUMNS);
  const row = (name: string, chart: string, now: string, sum: string): string =>
    [cell(name, nameColumns), ...(chartColumns > 0 ? [cell(chart, chartColumns)] : []), right(now), right(sum)].join(
      " ",
    );
  const lines = (state.order === "rate" ? byRate : bySum).filter(({ name, where }) =>
    isWanted(`${name}\n${where}`, state),
  );
  const rateText = (rate: number): string => (unit === "bytes" ? byteRateText(state, rate) : packetRate(rate));
  return [
    row(`${plain(title)} by ${state.order}`, "lately", "now", "since start"),
    ...lines.map(({ name, where, history, rate, sum }) =>
      row(
        where === "" ? plain(name) : `${plain(name)}  ${plain(where)}`,
        sparkline(history, CHART_COLUMNS),
        rateText(rate),
        sumText(unit, sum),
      ),
    ),
  ];
}

function isWanted(text: string, { filter }: ScreenState): boolean {
  return text.toLowerCase().includes(filter.toLowerCase());
}

function byteRateText({ unit }: ScreenState, bytesPerSecond: number): string {
  return unit === "bits" ? bitRate(bytesPerSecond) : byteRate(bytesPerSecond);
}

function right(text: string): string {
  return text.padStart(NUMBER_COLUMNS);
}
