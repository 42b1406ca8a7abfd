import { type Snapshot, topsFor, type View } from "./snapshot.ts";
import type { TopLine } from "./tops.ts";

/** What a program is told that asks for the status: the JSON of /-/status.json. */
export interface Report {
  /** ISO 8601. */
  readonly at: string;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly engine: string;
  readonly refusals: readonly string[];
  readonly interfaces: readonly ReportedInterface[];
  readonly collectors: readonly { name: string; seconds: number | null; error: string | null }[];
  readonly limits: readonly { name: string; used: number; limit: number }[];
  /** Lists of what sends and receives most. */
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

export interface ReportedTop {
  readonly title: string;
  readonly byRate: readonly ReportedLine[];
  readonly bySum: readonly ReportedLine[];
}

export interface ReportedLine {
  readonly name: string;
  readonly interface: string;
  readonly bytesPerSecond: number;
  readonly bytes: number;
}

export function reportOf(snapshot: Snapshot, view: View): Report {
  const { at, version, uptimeSeconds, engine, refusals, limits } = snapshot;
  return {
    at: at.toISOString(),
    version,
    uptimeSeconds,
    engine,
    refusals,
    interfaces: snapshot.interfaces.map(({ tap, rate }) => ({
      name: tap.name,
      isUp: tap.isUp,
      kind: tap.position?.kind ?? "",
      lostPackets: tap.lostPackets,
      bytesPerSecond: rate.bytes ?? null,
      packetsPerSecond: rate.packets ?? null,
      history: rate.history,
    })),
    collectors: snapshot.collectors.map(({ name, seconds, error }) => ({
      name,
      seconds: seconds ?? null,
      error: error ?? null,
    })),
    limits,
    tops: topsFor(snapshot, view).map(({ title, top }) => ({
      title,
      byRate: top.byRate.map(lineOf),
      bySum: top.bySum.map(lineOf),
    })),
  };
}

function lineOf({ name, interfaceName, rate, sum }: TopLine): ReportedLine {
  return { name, interface: interfaceName, bytesPerSecond: rate, bytes: sum };
}
