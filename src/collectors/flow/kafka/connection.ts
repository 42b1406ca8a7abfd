import type { ConnectionOptions as TlsOptions } from "node:tls";
import { type API, Connection, type ConnectionOptions, type SASLMechanismValue } from "@platformatic/kafka";
import { messageOf } from "../../../errors.ts";
import { readBounded } from "../../../files/bounded-file.ts";

/** How to reach the brokers. */
export interface Brokers {
  readonly bootstrap: readonly Address[];
  /** Files in PEM; null for plain text. */
  readonly tls: { caPath: string | null; certPath: string | null; keyPath: string | null } | null;
  readonly sasl: { mechanism: SASLMechanismValue; user: string; passwordPath: string } | null;
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

const CLIENT_ID = "promtap";
const CONNECT_TIMEOUT_MS = 10_000;
/** Longer than a group's JoinGroup is held by its coordinator. */
const REQUEST_TIMEOUT_MS = 45_000;
/** Several times what all authorities of a system take. */
const MAXIMUM_FILE_BYTES = 4 * 2 ** 20;

/** Reads the files that the brokers' options name. Throws KafkaError where one cannot be read. */
export async function loadSecurity({ tls, sasl }: Brokers): Promise<ConnectionOptions> {
  const options: ConnectionOptions = { connectTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
  try {
    if (tls !== null) options.tls = await tlsOptions(tls);
    if (sasl !== null) {
      const password = (await readSecret(sasl.passwordPath)).toString().split(/\r?\n/, 1)[0]!;
      options.sasl = { mechanism: sasl.mechanism, username: sasl.user, password };
    }
  } catch (error) {
    throw new KafkaError(messageOf(error), error);
  }
  return options;
}

async function readSecret(path: string): Promise<Buffer> {
  try {
    return (await readBounded(path, MAXIMUM_FILE_BYTES)).bytes;
  } catch (error) {
    throw new Error(`couldn't use ${path}: ${messageOf(error)}`, { cause: error });
  }
}

async function tlsOptions({ caPath, certPath, keyPath }: NonNullable<Brokers["tls"]>): Promise<TlsOptions> {
  const options: TlsOptions = {};
  if (caPath !== null) options.ca = await readSecret(caPath);
  if (certPath !== null) options.cert = await readSecret(certPath);
  if (keyPath !== null) options.key = await readSecret(keyPath);
  return options;
}

/** Connects and, where that is asked for, logs in; gives up when the signal aborts. */
export function openConnection(
  { host, port }: Address,
  options: ConnectionOptions,
  signal: AbortSignal,
): Promise<Connection> {
  const connection = new Connection(CLIENT_ID, options);
  // The client tells of some failures twice, and the second time nobody of its own listens any more.
  connection.on("error", () => {});
  return new Promise((resolve, reject) => {
    const abandon = (): void => fail(new Error("ended"));
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", abandon);
      connection.socket?.destroy();
      reject(new KafkaError(`${host}:${port}: ${reasonOf(error)}`, error));
    };
    if (signal.aborted) return abandon();
    signal.addEventListener("abort", abandon);
    try {
      void connection.connect(host, port, (error) => {
        if (error) return fail(error);
        signal.removeEventListener("abort", abandon);
        resolve(connection);
      });
    } catch (error) {
      fail(error);
    }
  });
}

/** Sends a request, and resolves to its answer. */
export function call<Arguments extends unknown[], Answer>(
  api: API<Arguments, Answer>,
  connection: Connection,
  ...values: Arguments
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const callback = (error: Error | null, answer?: Answer): void => {
      if (error) reject(new KafkaError(reasonOf(error), error));
      else resolve(answer as Answer);
    };
    try {
      api(connection, ...values, ...([callback] as Partial<[typeof callback]>));
    } catch (error) {
      reject(new KafkaError(reasonOf(error), error));
    }
  });
}

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
}

/** What is at the bottom of an error of the client, in one line: its own messages only count what they wrap. */
export function reasonOf(error: unknown): string {
  const reasons = leavesOf(error).map((leaf) => {
    const detail = "serverErrorMessage" in leaf ? leaf.serverErrorMessage : undefined;
    const text = typeof detail === "string" && detail !== "" ? detail : leaf.message;
    return text.replace(/\s+/g, " ").replace(/\.$/, "");
  });
  return [...new Set(reasons)].join("; ") || String(error);
}

function leavesOf(error: unknown): Error[] {
  if (!(error instanceof Error)) return [];
  const inner = error instanceof AggregateError ? error.errors.flatMap(leavesOf) : leavesOf(error.cause);
  return inner.length > 0 ? inner : [error];
}
