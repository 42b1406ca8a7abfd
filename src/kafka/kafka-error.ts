/** A failure in words; its cause is the client's own error. */
export class KafkaError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "KafkaError";
  }

  /** The names that Kafka gives to the errors of the answer, such as REBALANCE_IN_PROGRESS. */
  get names(): string[] {
    return leavesOf(this.cause).flatMap((leaf) => ("apiId" in leaf ? [String(leaf.apiId)] : []));
  }

  /** The answer that says so, if the client has read all of it. */
  get response(): unknown {
    return this.cause instanceof Error && "response" in this.cause ? this.cause.response : undefined;
  }
}

/** The names that Kafka gives to the errors of an answer; none if it is no answer that failed. */
export function errorNames(error: unknown): string[] {
  return error instanceof KafkaError ? error.names : [];
}

/** What is at the bottom of an error of the client, in one line: its own messages only count what they wrap. */
export function reasonOf(error: unknown): string {
  const reasons = leavesOf(error).map((leaf) => {
    if ("code" in leaf && leaf.code === "EMFILE") return "no descriptors are left; raise LimitNOFILE";
    const detail = "serverErrorMessage" in leaf ? leaf.serverErrorMessage : undefined;
    const text = typeof detail === "string" && detail !== "" ? detail : leaf.message;
    return text.replace(/\s+/g, " ").replace(/[. ]+$/, "");
  });
  return [...new Set(reasons)].join("; ") || String(error);
}

function leavesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors.flatMap(leavesOf) : leavesOf(error.cause);
  return inner.length > 0 ? inner : [error];
}
