import type { TapState } from "../capture/capture.ts";
import type { InterfaceRate } from "./interface-meter.ts";
import type { Top } from "./tops.ts";

/** How a collector did when it was last asked. */
export interface CollectorState {
  readonly name: string;
  /** For the last page that it was on; undefined if there was none. */
  readonly seconds: number | undefined;
  readonly error: string | undefined;
}

/** A bound, and how much of it is used. */
export interface Limit {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
}

/** The configuration that is in force. */
export interface ConfigurationState {
  readonly isSuccessful: boolean;
  /** Seconds since the epoch. */
  readonly succeededAt: number;
}

/** A list of what sends and receives most. */
export interface NamedTop {
  readonly title: string;
  /** Whether it shows addresses, or what may be one's. */
  readonly isPrivate: boolean;
  readonly top: Top;
}

/** All that the page shows, at one moment. */
export interface Snapshot {
  readonly at: Date;
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly engine: string;
  /** Why better engines were refused, a sentence each. */
  readonly refusals: readonly string[];
  readonly interfaces: readonly { readonly tap: TapState; readonly rate: InterfaceRate }[];
  readonly collectors: readonly CollectorState[];
  readonly limits: readonly Limit[];
  /** Undefined if there is no file. */
  readonly configuration: ConfigurationState | undefined;
  readonly tops: readonly NamedTop[];
}

/** Who looks: at what names no address, or at everything. */
export type View = "summary" | "full";

/** The lists that may be shown to who looks. */
export function topsFor({ tops }: Snapshot, view: View): NamedTop[] {
  return tops.filter(({ isPrivate }) => view === "full" || !isPrivate);
}
