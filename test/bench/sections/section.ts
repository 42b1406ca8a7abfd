import type { Options } from "../options.ts";
import type { Report } from "../report/report.ts";
import type { Rig } from "../rig/rig.ts";

/** What a section needs to measure. */
export interface Bench {
  rig: Rig;
  options: Options;
  /** Tells the person at the terminal what goes on. */
  progress: (line: string) => void;
}

export type Section = (bench: Bench) => Promise<Report>;
