/** What went wrong; decides the exit status. */
export const ErrorCode = {
  /** A flag or its value is not legal: exit 2. */
  USAGE: "USAGE",
  /** The host lacks a capability, an interface, a port, a file: exit 1. */
  HOST: "HOST",
  /** A file that is read as input is damaged: exit 1. */
  INPUT: "INPUT",
  /** A request asks for what there is not: answered with 400. */
  REQUEST: "REQUEST",
} as const;
export type ErrorCode = (typeof ErrorCode)[keyof typeof ErrorCode];

/**
 * An error of the world, not of ours: its message is one line for the person at the terminal, which says what was
 * tried, on what, why it failed and what to do.
 */
export class PromtapError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PromtapError";
    this.code = code;
  }

  get exitStatus(): number {
    return this.code === ErrorCode.USAGE ? 2 : 1;
  }
}

/** The message of anything thrown. */
export function messageOf(error: unknown): string {
  // Of a name with several addresses, each of which has failed: it says nothing itself.
  if (error instanceof AggregateError && error.message === "") return error.errors.map(messageOf).join("; ");
  // What was interrupted couldn't be undone either.
  if (error instanceof SuppressedError) return `${messageOf(error.suppressed)}; ${messageOf(error.error)}`;
  return error instanceof Error ? error.message : String(error);
}
