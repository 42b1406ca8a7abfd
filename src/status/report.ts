import type { CountedUnit } from "../collectors/status.ts";
import type { TopLine } from "./lists/top-list.ts";
import { shownTo, type Snapshot, type View } from "./snapshot.ts";

/** Goes up when what a report says is said in another way. */
export const REPORT_FORMAT = 1;

/** What a program is told that asks for the status: the JSON of /-/status.json. */
export interface Report {
  readonly format: number;
  /** ISO 8601. */
  readonly at: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  /** Whether traffic is counted at all. */
  readonly isCounted: boolean;
  readonly engine: string;
  readonly refusals: readonly string[];
  readonly interfaces: readonly ReportedInterface[];
  readonly collectors: readonly ReportedCollector[];
  readonly limits: readonly { name: string; used: number; limit: number }[];
  /** `builtAt`: ISO 8601. */
  readonly databases: readonly { name: string; builtAt: string; isCurrent: boolean }[];
  /** Lists of what is largest. */
  readonly tops: readonly ReportedTop[];
}

export interface ReportedInterface {
  readonly name: string;
  readonly isUp: boolean;
  readonly kind: string;
  readonly lostPackets: number;
  /** Null until it was read twice, as packetsPerSecond is. */
  readonly bytesPerSecond: number | null;
  readonly packetsPerSecond: number | null;
  /** Bytes a second, the newest last. */
  readonly history: readonly number[];
}

export interface ReportedCollector {
  readonly name: string;
  readonly seconds: number | null;
  readonly error: string | null;
  /** The last one that is over; `at`: ISO 8601. */
  readonly lastFailure: { readonly at: string; readonly error: string } | null;
}

export interface ReportedTop {
  readonly title: string;
  readonly unit: CountedUnit;
  readonly byRate: readonly TopLine[];
  readonly bySum: readonly TopLine[];
}

export function reportOf(snapshot: Snapshot, view: View): Report {
  const { at, version, uptimeSeconds, isCounted, engine, refusals, limits, ...rest } = shownTo(snapshot, view);
  return {
    format: REPORT_FORMAT,
    at: at.toISOString(),
    version,
    uptimeSeconds,
    isCounted,
    engine,
    refusals,
    interfaces: rest.interfaces.map(({ tap, rate }) => ({
      name: tap.name,
      isUp: tap.isUp,
      kind: tap.position?.kind ?? "",
      lostPackets: tap.lostPackets,
      bytesPerSecond: rate.bytes ?? null,
      packetsPerSecond: rate.packets ?? null,
      history: rate.history,
    })),
    collectors: rest.collectors.map(({ name, seconds, error, lastFailure }) => ({
      name,
      seconds: seconds ?? null,
      error: error ?? null,
      lastFailure: lastFailure === undefined ? null : { ...lastFailure, at: lastFailure.at.toISOString() },
    })),
    limits,
    databases: rest.databases.map(({ builtAt, ...database }) => ({
      ...database,
      builtAt: new Date(builtAt * 1000).toISOString(),
    })),
    tops: rest.tops.map(({ title, unit, byRate, bySum }) => ({ title, unit, byRate, bySum })),
  };
}
