import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import {
  type API,
  type Connection as ClientConnection,
  fetchV11,
  joinGroupV5,
  metadataV8,
  produceV7,
  type Reader,
  ResponseError,
  syncGroupV3,
  Writer,
} from "@platformatic/kafka";
import { messageOf } from "../errors.ts";
import { type AnswerFrame, AnswerFrames, type AnswerLimit } from "./answer-frames.ts";
import { AnswerReader } from "./answer-reader.ts";
import { KafkaError, reasonOf } from "./kafka-error.ts";
import { logIn } from "./login.ts";
import type { Address, Security } from "./security.ts";

/*
 * Versions of requests: those of Kafka 2.3 (2019), which 4.x still takes; from 2.4 on requests have tagged fields, and
 * nothing in them is needed here.
 */

const CLIENT_ID = "promtap";
/** For all of it: to connect, to agree on TLS, and to log in. */
const CONNECT_TIMEOUT_MS = 10_000;
/** For an answer. */
const TIMEOUT_MS = 10_000;
/** By request: what any broker could answer as well, and what is held by the broker until others have done something. */
const TIMEOUTS_MS: ReadonlyMap<number, number> = new Map([
  [metadataV8.api.key, 5000],
  [joinGroupV5.api.key, 45_000],
  [syncGroupV3.api.key, 45_000],
  [produceV7.api.key, 45_000],
]);
/** What 100,000 partitions take. */
const LIMIT: AnswerLimit = { longest: 8 * 2 ** 20, kept: 0 };
/** 64 times the batch that a broker takes by default: one is sent as a whole however little is asked for, and left out by its head. */
const FETCHED_LIMIT: AnswerLimit = { longest: 64 * 2 ** 20, kept: 64 * 2 ** 10 };
/** Of the time after which a broker wants us to log in again, so much is made use of. */
const SESSION_SHARE = 0.8;

/** Reads an answer. */
type Parser<T> = (correlation: number, key: number, version: number, reader: Reader) => T | Promise<T>;

interface Request {
  readonly correlation: number;
  readonly key: number;
  readonly parse: (reader: Reader) => unknown;
  readonly done: (error: Error | null, answer?: unknown) => void;
  readonly timeout: NodeJS.Timeout;
}

/** A connection to a broker, on which requests are answered in order. What fails once is of no more use. */
export class Connection {
  /** What messages call the broker. */
  readonly #name: string;
  readonly #socket: Socket;
  readonly #frames = new AnswerFrames(() => (this.#pending[0]?.key === fetchV11.api.key ? FETCHED_LIMIT : LIMIT));
  readonly #pending: Request[] = [];
  readonly #connected = Promise.withResolvers<void>();
  readonly #failed = Promise.withResolvers<never>();
  #correlation = 0;
  #failure: KafkaError | undefined;
  /** When the broker would want us to log in again. */
  #expiry = Number.POSITIVE_INFINITY;

  private constructor(name: string, { host, port }: Address, { tls }: Security) {
    this.#name = name;
    this.#socket = tls === undefined ? connectPlain({ host, port }) : connectTls({ ...tls, host, port });
    this.#socket.setNoDelay(true);
    this.#socket.once(tls === undefined ? "connect" : "secureConnect", this.#connected.resolve);
    this.#socket.on("error", (error) => this.#fail(reasonOf(error), error));
    this.#socket.on("close", () => this.#fail("it closed the connection"));
    this.#socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#failed.promise.catch(() => {});
  }

  /** Node throws for an address or certificates that can't be. */
  static #connect(name: string, address: Address, security: Security): Connection {
    try {
      return new Connection(name, address, security);
    } catch (error) {
      throw new KafkaError(`${name}: ${messageOf(error)}`, error);
    }
  }

  /** Connects and, if that is asked for, logs in; gives up when the signal aborts. Throws KafkaError. */
  static async open(name: string, address: Address, security: Security, signal: AbortSignal): Promise<Connection> {
    const connection = Connection.#connect(name, address, security);
    const abandon = (): void => void connection.#fail("it was ended");
    const timeout = setTimeout(() => connection.#fail("it doesn't answer"), CONNECT_TIMEOUT_MS);
    signal.addEventListener("abort", abandon);
    try {
      if (signal.aborted) abandon();
      await Promise.race([connection.#connected.promise, connection.#failed.promise]);
      if (security.login !== undefined) {
        const sessionMs = await Promise.race([logIn(connection, security.login), connection.#failed.promise]);
        if (sessionMs > 0) connection.#expiry = performance.now() + sessionMs * SESSION_SHARE;
      }
      return connection;
    } catch (error) {
      throw connection.#fail(reasonOf(error), error);
    } finally {
      clearTimeout(timeout);
      signal.removeEventListener("abort", abandon);
    }
  }

  /** Whether the broker wants us to log in again soon, which is done by opening another. */
  get isExpired(): boolean {
    return performance.now() > this.#expiry;
  }

  /** Whether more can be asked. */
  get isUsable(): boolean {
    return this.#failure === undefined && !this.isExpired;
  }

  /** Sends a request, and resolves to its answer. Throws KafkaError. */
  call<Arguments extends unknown[], Answer>(api: API<Arguments, Answer>, ...values: Arguments): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, answer?: Answer): void => {
        if (error === null) resolve(answer as Answer);
        else reject(error instanceof KafkaError ? error : new KafkaError(reasonOf(error), error));
      };
      api(this.asClients, ...values, ...([done] as Partial<[typeof done]>));
    });
  }

  /** As the client's functions want it: they call nothing but `send`. */
  get asClients(): ClientConnection {
    return this as unknown as ClientConnection;
  }

  /** Sends a request of a version without tagged fields; `done` is told of its answer, as `parse` reads it. */
  async send<T>(
    key: number,
    version: number,
    create: () => Writer | Promise<Writer>,
    parse: Parser<T>,
    _isTagged: boolean,
    _isAnswerTagged: boolean,
    done: (error: Error | null, answer?: T) => void,
  ): Promise<void> {
    try {
      const payload = await create();
      if (this.#failure !== undefined) throw this.#failure;
      this.#write(key, version, payload, parse, done as Request["done"]);
    } catch (error) {
      done(error instanceof KafkaError ? error : new KafkaError(messageOf(error), error));
    }
  }

  close(): void {
    this.#fail("it is closed");
  }

  #write(key: number, version: number, payload: Writer, parse: Parser<unknown>, done: Request["done"]): void {
    const correlation = (this.#correlation + 1) & 0x7fff_ffff;
    this.#correlation = correlation;
    const head = Writer.create().appendInt16(key).appendInt16(version).appendInt32(correlation);
    const request = head.appendString(CLIENT_ID, false).appendFrom(payload).prependLength();
    const timeoutMs = TIMEOUTS_MS.get(key) ?? TIMEOUT_MS;
    this.#pending.push({
      correlation,
      key,
      parse: (reader) => parse(correlation, key, version, reader),
      done,
      timeout: setTimeout(() => this.#fail(`no answer for ${timeoutMs / 1000} s`), timeoutMs),
    });
    this.#socket.write(request.buffer);
  }

  #take(chunk: Buffer): void {
    if (this.#failure !== undefined) return;
    try {
      for (const frame of this.#frames.push(chunk)) this.#answer(frame);
    } catch (error) {
      this.#fail(hintAt(chunk) ?? messageOf(error), error);
    }
  }

  /** Gives an answer to the request that it is for. Throws if there is no such request, or it is no answer. */
  #answer({ bytes, length }: AnswerFrame): void {
    const request = this.#pending[0];
    const reader = new AnswerReader(bytes);
    if (request?.correlation !== reader.readInt32()) throw new Error("it sent what nobody asked for");
    const tooLong = bytes.length < length ? new Error(`it announced an answer of ${length} bytes`) : undefined;
    const { error, answer } = read(request, reader);
    if (error !== undefined && !isRefusal(error)) throw tooLong ?? nonsense(error);
    this.#pending.shift();
    clearTimeout(request.timeout);
    request.done(error ?? null, answer);
    if (tooLong !== undefined) throw tooLong;
  }

  /** Ends it, unless it has failed before; returns why it failed first. */
  #fail(reason: string, cause?: unknown): KafkaError {
    if (this.#failure !== undefined) return this.#failure;
    const failure = new KafkaError(`${this.#name}: ${reason}`, cause);
    this.#failure = failure;
    this.#socket.destroy();
    this.#failed.reject(failure);
    for (const { timeout, done } of this.#pending.splice(0)) {
      clearTimeout(timeout);
      done(failure);
    }
    return failure;
  }
}

function read({ parse }: Request, reader: Reader): { error?: Error; answer?: unknown } {
  try {
    return { answer: parse(reader) };
  } catch (error) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** Whether an error is what the broker says, as opposed to what we make of it. */
function isRefusal(error: Error): boolean {
  return error instanceof ResponseError || error instanceof KafkaError;
}

function nonsense(error: Error): Error {
  return new Error(`its answer makes no sense: ${error.message}`, { cause: error });
}

/** What a server speaks that is no broker, or none in plain text, if the first bytes of its answer tell. */
function hintAt(chunk: Buffer): string | undefined {
  if (chunk[1] === 3 && (chunk[0] === 0x15 || chunk[0] === 0x16)) return "it speaks TLS; give --flow-tls";
  return undefined;
}
