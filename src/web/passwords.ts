import { createHmac, randomBytes } from "node:crypto";
import type { Worker } from "node:worker_threads";
import { startThread } from "../native/thread.ts";
import { decoyOf } from "./bcrypt-hash.ts";
import type { Question } from "./password-worker.ts";

/** Verdicts that are remembered, of each kind. */
const MAX_REMEMBERED = 100;
/** Passwords that wait to be checked: of all clients, and of each. */
const MAX_WAITING = 32;
const MAX_WAITING_PER_CLIENT = 4;

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** What waits to be checked, and who has asked first. */
interface Waiting {
  readonly key: string;
  readonly question: Question;
  readonly client: string;
  readonly verdict: PromiseWithResolvers<boolean | undefined>;
}

/**
 * Checks passwords in a thread of its own, one at a time: each takes as long as its hash was made to. What is right and
 * what is wrong are remembered apart, so that guesses can't push out what scrapers send.
 */
export class Passwords implements AsyncDisposable {
  readonly #secret = randomBytes(32);
  readonly #right = new Set<string>();
  readonly #wrong = new Set<string>();
  /** In the order in which they came; the first is being checked. */
  readonly #waiting = new Map<string, Waiting>();
  #isChecking = false;
  #worker: Worker | undefined;
  /** How often the thread was asked. */
  checks = 0;

  /**
   * Whether a user has the password; undefined if too many wait to be told. One that there is not takes as long as one
   * that there is. Rejects if it can't be found out.
   */
  async areRight(users: ReadonlyMap<string, string>, given: Credentials, client: string): Promise<boolean | undefined> {
    const hash = users.get(given.user);
    const checked = hash ?? this.#decoy(users, given.user);
    const key = this.#digest(JSON.stringify([given.user, checked, given.password])).toString("base64");
    const known = this.#remembered(key);
    if (known !== undefined) return known && hash !== undefined;
    const isRight = await this.#ask(key, { password: given.password, hash: checked }, client);
    return isRight === undefined ? undefined : isRight && hash !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker?.terminate();
  }

  /** Of the cost that one of the users has; for the same name it is always the same one. */
  #decoy(users: ReadonlyMap<string, string>, user: string): string {
    const hashes = [...users.values()];
    return decoyOf(hashes[this.#digest(user).readUInt32LE() % hashes.length]!);
  }

  #digest(text: string): Buffer {
    return createHmac("sha256", this.#secret).update(text).digest();
  }

  #remembered(key: string): boolean | undefined {
    const set = [this.#right, this.#wrong].find((each) => each.delete(key));
    // Again at the end of those that are forgotten.
    set?.add(key);
    return set === undefined ? undefined : set === this.#right;
  }

  #ask(key: string, question: Question, client: string): Promise<boolean | undefined> {
    const asked = this.#waiting.get(key);
    if (asked !== undefined) return asked.verdict.promise;
    if (!this.#hasPlaceFor(client)) return Promise.resolve(undefined);
    const verdict = Promise.withResolvers<boolean | undefined>();
    this.#waiting.set(key, { key, question, client, verdict });
    if (!this.#isChecking) void this.#checkAll();
    return verdict.promise;
  }

  /** If there is none, who has none there gets the last one of those that have the most. */
  #hasPlaceFor(client: string): boolean {
    const all = [...this.#waiting.values()];
    const counts = new Map<string, number>();
    for (const each of all) counts.set(each.client, (counts.get(each.client) ?? 0) + 1);
    const own = counts.get(client) ?? 0;
    if (all.length < MAX_WAITING) return own < MAX_WAITING_PER_CLIENT;
    const most = Math.max(...counts.values());
    const loser = own > 0 || most === 1 ? undefined : all.slice(1).findLast((each) => counts.get(each.client) === most);
    if (loser === undefined) return false;
    this.#waiting.delete(loser.key);
    loser.verdict.resolve(undefined);
    return true;
  }

  /** Checks one after the other until none waits. */
  async #checkAll(): Promise<void> {
    this.#isChecking = true;
    for (const { key, question, verdict } of this.#waiting.values()) {
      try {
        verdict.resolve(this.#remember(key, await this.#check(question)));
      } catch (error) {
        verdict.reject(error);
      }
      this.#waiting.delete(key);
    }
    this.#isChecking = false;
  }

  #remember(key: string, isRight: boolean): boolean {
    const set = isRight ? this.#right : this.#wrong;
    set.add(key);
    const [oldest] = set;
    if (set.size > MAX_REMEMBERED) set.delete(oldest!);
    return isRight;
  }

  /** The thread is started for the first password, and again if it has ended. */
  #check(question: Question): Promise<boolean> {
    this.checks++;
    const worker = (this.#worker ??= startThread("web/password-worker.ts", undefined));
    // What waits for an answer keeps the process alive by its connection.
    worker.unref();
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        worker.off("message", onMessage).off("error", onError).off("exit", onExit);
        act();
      };
      const fail = (error: Error): void => {
        this.#worker = undefined;
        settle(() => reject(error));
      };
      const onMessage = (isRight: boolean): void => settle(() => resolve(isRight));
      const onError = (error: Error): void => fail(error);
      const onExit = (): void => fail(new Error("the thread that checks passwords has ended"));
      worker.on("message", onMessage).on("error", onError).on("exit", onExit);
      worker.postMessage(question);
    });
  }
}
