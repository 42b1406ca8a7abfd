import type { TapState } from "../capture/capture.ts";
import type { CollectorState } from "../collectors/collector.ts";
import type { ConfigState } from "../collectors/self.ts";
import type { Limit } from "../collectors/status.ts";
import type { InterfaceRate } from "./interface-meter.ts";
import type { Top } from "./lists/top-list.ts";

/** A database of addresses that is in use. */
export interface DatabaseAge {
  readonly name: string;
  /** Seconds since the epoch. */
  readonly builtAt: number;
  /** False: the file holds what can't be used, or is gone. */
  readonly isCurrent: boolean;
}

/** All that the page shows, at one moment. */
export interface Snapshot {
  readonly at: Date;
  readonly version: string;
  readonly uptimeSeconds: number;
  /** Whether traffic is counted at all. */
  readonly isCounted: boolean;
  readonly engine: string;
  /** Why better engines were refused, a sentence each. */
  readonly refusals: readonly string[];
  readonly interfaces: readonly { readonly tap: TapState; readonly rate: InterfaceRate }[];
  readonly collectors: readonly CollectorState[];
  readonly limits: readonly Limit[];
  readonly databases: readonly DatabaseAge[];
  /** Undefined if there is no file. */
  readonly configuration: ConfigState | undefined;
  readonly tops: readonly Top[];
}

/** Who looks: at what names no address, or at everything. */
export type View = "summary" | "full";

/** In place of an error, which may name addresses, files and what is in them. */
const HIDDEN_ERROR = "the log says why";

/** What of it may be shown to who looks. */
export function shownTo(snapshot: Snapshot, view: View): Snapshot {
  if (view === "full") return snapshot;
  return {
    ...snapshot,
    tops: snapshot.tops.filter(({ isPrivate }) => !isPrivate),
    collectors: snapshot.collectors.map(({ error, lastFailure, ...state }) => ({
      ...state,
      error: error && HIDDEN_ERROR,
      lastFailure: lastFailure && { ...lastFailure, error: HIDDEN_ERROR },
    })),
  };
}
