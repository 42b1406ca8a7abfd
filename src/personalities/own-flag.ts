import type { Flag } from "../config/flag.ts";

/** A flag of another program, and the one of ours that says the same. */
export interface OwnFlag extends Pick<Flag, "name" | "value" | "default" | "help"> {
  /** Default that the help shows and that need not be said: ours does the same, or better. */
  readonly nominal?: string;
  /** May be given several times, and all values count. */
  readonly isRepeatable?: boolean;
  readonly isRequired?: boolean;
  /** Values that have another name here → that name. */
  readonly values?: ReadonlyMap<string, string>;
  /** Long name of our flag. */
  readonly becomes: string;
}
