import { isDeepStrictEqual } from "node:util";
import type { ConfigState } from "../collectors/self.ts";
import { messageOf } from "../errors.ts";
import { log } from "../log.ts";
import type { Config } from "./config.ts";

/** Asks for the configuration to be read again; `cause` is for the log. Returns why that failed, if it did. */
export type Reload = (cause: string) => Promise<string | undefined>;

/** How the configuration is read again, and who may ask for it. */
export interface ConfigSource {
  /** Throws PromtapError, which names file and line. */
  load(): Promise<Config>;
  /** Calls `reload` when somebody asks for it from outside, from now on. */
  onRequest(reload: Reload): Disposable;
}

/** Changes what runs to what a configuration says. Returns the flags whose change waits for a restart. */
export type Apply = (config: Config) => Promise<string[]>;

/** Is told when reading begins, and how it ended: undefined, or why it changed nothing. */
export interface ReloadListener {
  began(): void;
  ended(failure: string | undefined): void;
}

/** What is told of the configuration until it is read again. */
export const AS_STARTED: ConfigState = { isSuccessful: true, succeededAt: Math.floor(Date.now() / 1000) };

/**
 * Reads the configuration again when it is asked to, one time after the other; who asks while it is read has it read
 * once more. What fails changes nothing.
 */
export class Reloads {
  state = AS_STARTED;
  readonly #load: ConfigSource["load"];
  readonly #apply: Apply;
  readonly #listener: ReloadListener;
  #current: Promise<string | undefined> | undefined;
  #next: Promise<string | undefined> | undefined;

  constructor(load: ConfigSource["load"], apply: Apply, listener: ReloadListener) {
    this.#load = load;
    this.#apply = apply;
    this.#listener = listener;
  }

  async reload(cause: string): Promise<string | undefined> {
    if (this.#current === undefined) {
      this.#current = this.#run(cause).finally(() => (this.#current = undefined));
      return this.#current;
    }
    const isOver = this.#current.then(() => undefined);
    this.#next ??= isOver.then(() => {
      this.#next = undefined;
      return this.reload(cause);
    });
    return this.#next;
  }

  async #run(cause: string): Promise<string | undefined> {
    this.#listener.began();
    const failure = await this.#try(cause);
    this.#listener.ended(failure);
    return failure;
  }

  async #try(cause: string): Promise<string | undefined> {
    try {
      const waiting = await this.#apply(await this.#load());
      this.state = { isSuccessful: true, succeededAt: Date.now() / 1000 };
      log.info("reloaded", { cause });
      for (const flag of waiting) log.warn("waits for a restart", { flag });
      return undefined;
    } catch (error) {
      const reason = messageOf(error);
      this.state = { ...this.state, isSuccessful: false };
      log.error("couldn't reload; what runs stays as it is", { cause, error: reason });
      return reason;
    }
  }
}

/**
 * The flag of what goes on as it is until the program is started again; null of what changes while it runs, or matters
 * at the start alone.
 */
const FIXED: Readonly<Record<keyof Config, string | null>> = {
  readPath: "--read",
  isCounted: "-i",
  engine: "--engine",
  filter: "--pcap.filter",
  wireSizes: "--wire-sizes",
  isPromiscuous: "--promiscuous",
  opensTunnels: "--inner",
  by: "--by",
  customersBy: "--customers.by",
  geoDatabases: "--geoip-db",
  state: "--state",
  keepCapabilities: "--keep-capabilities",
  telemetryPath: null,
  servesSystemdSocket: "--web.systemd-socket",
  hasLifecycle: null,
  status: null,
  watchesFiles: null,
  filePath: "--config.file",
  once: "--once",
  interfaces: null,
  ranges: null,
  maxAddresses: null,
  listen: null,
  namesAddress: null,
  webConfig: null,
  hidesProcess: null,
  hasCreated: null,
  allow: null,
  isHealthOpen: null,
  maxRequests: null,
  collectorShare: null,
  logLevel: null,
  logFormat: null,
  features: null,
  prefixLists: null,
  zones: null,
  prefixes: null,
  isLenient: null,
  check: null,
  triesNoAddress: null,
  dumpProgram: null,
  guise: null,
};
const FIXED_KEYS = (Object.keys(FIXED) as (keyof Config)[]).filter((key) => FIXED[key] !== null);

/** The flags of what is fixed and differs. */
export function fixedChanges(before: Config, after: Config): string[] {
  return FIXED_KEYS.filter((key) => !isDeepStrictEqual(before[key], after[key])).map((key) => FIXED[key]!);
}

/** The configuration after, with what is fixed as it was before, but for what is `free` this time. */
export function withFixed(before: Config, after: Config, free: readonly (keyof Config)[] = []): Config {
  const fixed = FIXED_KEYS.filter((key) => !free.includes(key));
  return { ...after, ...Object.fromEntries(fixed.map((key) => [key, before[key]])) };
}
