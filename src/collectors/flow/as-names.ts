/** Names of ASes, from wherever they come. */
export interface AsNames {
  /** How many are known. */
  readonly count: number;
  /** Changes with the names. */
  readonly edition: number;
  /** Whether they could be read when they last changed. */
  readonly isSound: boolean;
  /** "" where the AS has none. */
  nameOf(as: number): string;
  /** Reads them anew where they have changed. */
  refresh(): Promise<void>;
}
