import type { IncomingMessage } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { markOf } from "../files/bounded-file.ts";
import type { Access, Judgement, Protection, Refusal } from "../http/admission/access.ts";
import { credentialsOf } from "./credentials.ts";
import { filesIn, loadProtection, loadSettings } from "./load.ts";
import { type Credentials, Passwords } from "./passwords.ts";
import type { Rate, WebSettings } from "./settings.ts";
import { TokenBucket } from "./token-bucket.ts";

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** Told what became of a file that has changed: `error` says why it is not used as it is. */
export type WebFileListener = (error: string | undefined) => void;

/**
 * A web configuration file, as exporters of Prometheus have it, and the files that it names: read again, if one of them
 * has changed, for every request and every protected connection. As long as it is not sound nobody is answered, but
 * while certificate and key do not fit, as when they are replaced one after the other, those before stay in use.
 */
export class WebFile implements Access, AsyncDisposable {
  readonly path: string;
  readonly #listener: WebFileListener;
  readonly #passwords: Passwords;
  /** Whether the last password could not be checked. */
  #isPuzzled = false;
  /** Undefined: it is not sound. */
  #settings: WebSettings | undefined;
  /** By which settings, and of which files, the protection was made. */
  #protectedBy: Pick<WebSettings, "tls" | "hasHttp2"> | undefined;
  #protection: Protection | undefined;
  #limit: { rate: Rate | undefined; bucket: TokenBucket | undefined } = { rate: undefined, bucket: undefined };
  /** The files that it names. */
  #pemFiles: readonly string[] = [];
  /** Of the files as last read; undefined: to be read again. */
  #mark: string | undefined;
  #error: string | undefined;
  #refreshing: Promise<void> | undefined;

  private constructor(path: string, listener: WebFileListener, passwords: Passwords) {
    this.path = path;
    this.#listener = listener;
    this.#passwords = passwords;
  }

  /** `listener` is told what becomes of it later. Throws PromtapError. */
  static async open(path: string, listener: WebFileListener, passwords = new Passwords()): Promise<WebFile> {
    const opened = new WebFile(path, listener, passwords);
    try {
      await opened.#load();
    } catch (error) {
      if (error instanceof PromtapError && error.code === ErrorCode.USAGE) throw error;
      throw new PromtapError(ErrorCode.HOST, `couldn't use ${path}: ${messageOf(error)}`, { cause: error });
    }
    return opened;
  }

  get isProtected(): boolean {
    return this.#protection !== undefined;
  }

  /** When the certificate ends that is shown, in seconds since 1970; undefined if none is. */
  get certificateEndsAt(): number | undefined {
    return this.#protection?.endsAt;
  }

  /** How it protects and whom it asks, for people. */
  get summary(): string {
    const users = this.#settings?.users.size ?? 0;
    return `web configuration: ${this.path}, ${this.isProtected ? "TLS" : "no TLS"}, ${users} users`;
  }

  async protection(): Promise<Protection | undefined> {
    await this.#refresh();
    return this.#protection;
  }

  async judge(request: IncomingMessage, client: string): Promise<Judgement> {
    await this.#refresh();
    const settings = this.#settings;
    if (settings === undefined) return { headers: NO_HEADERS, refusal: { status: 500, reason: "web_config" } };
    if (this.#limit.bucket?.take() === false) return { headers: NO_HEADERS, refusal: { status: 429, reason: "rate" } };
    const { headers, users } = settings;
    const refusal = users.size === 0 ? undefined : await this.#ask(users, request, client);
    return refusal === undefined ? { headers, isKnown: users.size > 0 } : { headers, refusal };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#passwords[Symbol.asyncDispose]();
  }

  async #ask(
    users: ReadonlyMap<string, string>,
    request: IncomingMessage,
    client: string,
  ): Promise<Refusal | undefined> {
    const given = credentialsOf(request.headers.authorization);
    const isRight = given === undefined ? false : await this.#areRight(users, given, client);
    if (isRight === true) return undefined;
    if (isRight === undefined) return { status: 503, reason: "password_queue", headers: { "Retry-After": "5" } };
    return { status: 401, reason: "password", headers: { "WWW-Authenticate": "Basic" } };
  }

  /** Undefined if it can't be found out now; what fails is told once. */
  async #areRight(
    users: ReadonlyMap<string, string>,
    given: Credentials,
    client: string,
  ): Promise<boolean | undefined> {
    try {
      const areRight = await this.#passwords.areRight(users, given, client);
      this.#isPuzzled = false;
      return areRight;
    } catch (error) {
      if (!this.#isPuzzled) this.#listener(`couldn't check a password: ${messageOf(error)}`);
      this.#isPuzzled = true;
      return undefined;
    }
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#check().finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #check(): Promise<void> {
    if ((await this.#markNow()) === this.#mark) return;
    const before = this.#error;
    try {
      await this.#load();
      this.#error = undefined;
    } catch (error) {
      this.#error = messageOf(error);
      // What was judged is judged again when it has changed; what couldn't be read may be readable the next time.
      if (!(error instanceof PromtapError)) this.#mark = undefined;
    }
    if (this.#error === undefined || this.#error !== before) this.#listener(this.#error);
  }

  async #markNow(): Promise<string> {
    return (await Promise.all([this.path, ...this.#pemFiles].map(markOf))).join("\n");
  }

  async #load(): Promise<void> {
    this.#mark = await this.#markNow();
    const settings = await loadSettings(this.path).catch((error: unknown) => {
      this.#settings = undefined;
      throw error;
    });
    const files = filesIn(settings);
    if (!isDeepStrictEqual(files, this.#pemFiles)) {
      this.#pemFiles = files;
      // The file itself is as it was before it was read.
      const [mark] = this.#mark.split("\n");
      this.#mark = [mark, ...(await Promise.all(files.map(markOf)))].join("\n");
    }
    const by = { tls: settings.tls, hasHttp2: settings.hasHttp2 };
    // The certificates before are good as long as nothing else is asked for.
    if (!isDeepStrictEqual(by, this.#protectedBy)) this.#settings = undefined;
    const protection = by.tls === undefined ? undefined : await loadProtection(by.tls, by.hasHttp2);
    this.#protection = protection;
    this.#protectedBy = by;
    this.#settings = settings;
    if (isDeepStrictEqual(settings.rate, this.#limit.rate)) return;
    const { rate } = settings;
    this.#limit = { rate, bucket: rate && new TokenBucket(rate.intervalMs, rate.burst) };
  }
}
