import { setTimeout as delay } from "node:timers/promises";
import { messageOf } from "../errors.ts";
import { Connection } from "./connection.ts";
import { KafkaError } from "./kafka-error.ts";
import type { Address, Security } from "./security.ts";

/** A broker has this long before the next one is asked as well. */
const HEAD_START_MS = 1000;

/** Asks a broker something. */
export type Question<T> = (connection: Connection) => Promise<T>;

/** What a broker says, and the connection to it. */
export interface Answered<T> {
  readonly connection: Connection;
  readonly answer: T;
}

/**
 * Asks brokers that could all answer, the next when the last has failed or said nothing for a second, until one answers.
 * That one has the word, even if it refuses: the others would say the same. Throws KafkaError.
 */
export async function firstAnswer<T>(
  addresses: readonly Address[],
  security: Security,
  signal: AbortSignal,
  question: Question<T>,
): Promise<Answered<T>> {
  const end = new AbortController();
  const attempts: Promise<Answered<T | KafkaError>>[] = [];
  const reasons = new Set<string>();
  let first: Answered<T | KafkaError> | undefined;
  for (const address of addresses) {
    const attempt = ask(address, security, AbortSignal.any([signal, end.signal]), question);
    attempts.push(attempt);
    const last = attempt.catch((error: unknown) => void reasons.add(messageOf(error)));
    const any = Promise.any(attempts).catch(() => undefined);
    first = await Promise.race([any, last, delay(HEAD_START_MS, undefined, { ref: false })]);
    if (first !== undefined) break;
  }
  first ??= await Promise.any(attempts).catch(() => undefined);
  end.abort();
  for (const attempt of attempts) {
    attempt.then(({ connection }) => connection !== first?.connection && connection.close()).catch(() => {});
  }
  if (first === undefined) throw new KafkaError(`couldn't connect to any broker (${[...reasons].join("; ")})`);
  const { connection, answer } = first;
  if (!(answer instanceof KafkaError)) return { connection, answer };
  connection.close();
  throw answer;
}

/** Throws KafkaError if there is no answer; one that is a refusal is an answer. */
async function ask<T>(
  address: Address,
  security: Security,
  signal: AbortSignal,
  question: Question<T>,
): Promise<Answered<T | KafkaError>> {
  const connection = await Connection.open(`${address.host}:${address.port}`, address, security, signal);
  const stop = (): void => connection.close();
  signal.addEventListener("abort", stop);
  try {
    return { connection, answer: await question(connection) };
  } catch (error) {
    if (error instanceof KafkaError && error.names.length > 0) return { connection, answer: error };
    connection.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
