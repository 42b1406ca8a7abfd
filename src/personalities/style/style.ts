import type { GivenFlags } from "../../config/flag.ts";
import type { OwnFlag } from "../own-flag.ts";

/** What a command line asks to be printed instead; `differences` is ours, and in no help. */
export type Asked = "help" | "version" | "differences";

/** What stands in a command line. */
export interface Scanned {
  readonly given: GivenFlags;
  readonly asked?: Asked;
  /** Words that the other program leaves unread without a word. */
  readonly unread?: readonly string[];
}

/** The library that a program reads its command line with: what it takes, what it prints, and how it fails. */
export interface Style {
  /** Throws a usage error in that library's words. */
  scan(argv: readonly string[], flags: readonly OwnFlag[]): Scanned;
  /** What --help prints. */
  help(name: string, flags: readonly OwnFlag[]): string;
  /** What stands on standard error for what is wrong. */
  complaint(message: string, name: string, flags: readonly OwnFlag[]): string;
  /** How a flag is named in messages. */
  spelling(name: string): string;
  /** Exit status for what is wrong. */
  readonly status: number;
}
