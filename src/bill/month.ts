import { usageError } from "../config/flag.ts";

const DAY_MS = 86_400_000;
const MONTH = /^(19[7-9]\d|2\d{3})-(0[1-9]|1[0-2])$/;

/** A month of a calendar. */
export interface Month {
  readonly text: string;
  readonly timeZone: string;
  /** In milliseconds since 1970. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** The month that a text such as 2026-11 names, by the clocks of a time zone. Throws a usage error. */
export function monthOf(text: string, timeZone: string): Month {
  const [, year, month] = MONTH.exec(text) ?? [];
  if (year === undefined || month === undefined) {
    throw usageError(`invalid --month ${JSON.stringify(text)}; legal is a year and a month, such as 2026-11`);
  }
  const clock = clockOf(timeZone);
  const begin = (index: number): number => instantOf(Date.UTC(Number(year), index), clock);
  return { text, timeZone, fromMs: begin(Number(month) - 1), toMs: begin(Number(month)) };
}

/** What the clocks of a time zone show at an instant, as if it were UTC. */
type Clock = (atMs: number) => number;

function clockOf(timeZone: string): Clock {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    throw usageError(`invalid --timezone ${JSON.stringify(timeZone)}; legal is a name such as Europe/Berlin, or UTC`);
  }
  return (atMs) => {
    const parts = new Map(format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]));
    const [year = 0, month = 0, day = 0] = (["year", "month", "day"] as const).map((type) => parts.get(type));
    const [hour = 0, minute = 0, second = 0] = (["hour", "minute", "second"] as const).map((type) => parts.get(type));
    return Date.UTC(year, month - 1, day, hour, minute, second);
  };
}

/** The instant at which clocks first show a time; if they skip it, the one at which they do so. */
function instantOf(shownMs: number, clock: Clock): number {
  const guesses = [shownMs - DAY_MS, shownMs + DAY_MS].map((nearMs) => shownMs - (clock(nearMs) - nearMs));
  const right = guesses.filter((atMs) => clock(atMs) === shownMs);
  return right.length > 0 ? Math.min(...right) : Math.max(...guesses);
}
