import { matchesGlob } from "node:path";
import { ErrorCode, PromtapError } from "../errors.ts";
import type { InterfaceLedger } from "../ledger/ledger.ts";
import type { Engine, EngineKind } from "./engine.ts";
import { type Link, Links } from "./links.ts";

/** Pattern that stands for every interface that is up, but for loopback. */
export const AUTO = "auto";

/** How long after a failure an interface that is up is tried again. */
const RETRY_MS = 1000;
/** How long an interface that only a pattern names is kept in mind when it is gone: it may come back. */
const FORGET_MS = 10 * 60_000;

/** What happens while running, for whoever logs: `error` is set where an interface could not be opened. */
export type CaptureListener = (interfaceName: string, isOpen: boolean, error: string | undefined) => void;

/** What engines count into, by interface; such as a Ledger. */
export interface Sinks<Sink> {
  interface(name: string): Sink;
  /** Gives up what is counted of an interface that is gone for long. */
  forget(name: string): void;
}

/** What the page says of an interface. */
export interface TapState {
  name: string;
  isUp: boolean;
  lostPackets: number;
}

/** An interface that is, or was, or will be captured. */
interface Tap {
  readonly name: string;
  link: Link | undefined;
  /** When its link last changed, at last by going; in milliseconds of the clock. */
  goneAtMs: number;
  engine: Engine | undefined;
  /** Index of the link that `engine` is open on. */
  engineIndex: number;
  /** Losses of engines that are closed. */
  lostBefore: number;
  retry: NodeJS.Timeout | undefined;
  /** Why it could not be opened; told once, however often it is tried. */
  failure: string | undefined;
}

/**
 * Keeps an engine open on every interface that the patterns name, whatever becomes of the interfaces: they may go, come
 * back under another index, be down, or appear later. What is counted stays; containers come and go, so of an interface
 * that only a pattern names it stays for FORGET_MS.
 */
export class Capture<Sink = InterfaceLedger> implements AsyncDisposable {
  readonly kind: EngineKind<Sink>;
  readonly #sinks: Sinks<Sink>;
  readonly #patterns: readonly string[];
  readonly #onChange: CaptureListener;
  readonly #now: () => number;
  readonly #links: Links;
  readonly #taps = new Map<string, Tap>();
  readonly #closing = new Set<Promise<void>>();

  /**
   * Opens all interfaces there are. Throws PromtapError where one that is named in full is not there or cannot be
   * opened; later on, failures are told to `onChange`. `now`: a clock in milliseconds that never steps back.
   */
  constructor(
    kind: EngineKind<Sink>,
    patterns: readonly string[],
    sinks: Sinks<Sink>,
    onChange: CaptureListener,
    now = () => performance.now(),
  ) {
    this.kind = kind;
    this.#sinks = sinks;
    this.#patterns = patterns;
    this.#onChange = onChange;
    this.#now = now;
    this.#links = Links.open();
    try {
      const links = interfacesOf(patterns, this.#links.all());
      for (const link of links) this.#tap(link.name).link = link;
      for (const link of links) this.#openAtStart(link);
    } catch (error) {
      this.#links[Symbol.dispose]();
      for (const tap of this.#taps.values()) this.#close(tap);
      throw error;
    }
    this.#links.watch((name, link) => this.#linkChanged(name, link));
  }

  /** Brings all that is counted into up to date. */
  sync(): void {
    this.#forgetGone();
    for (const { engine } of this.#taps.values()) engine?.sync();
  }

  taps(): TapState[] {
    return [...this.#taps.values()].map(({ name, link, engine, lostBefore }) => ({
      name,
      isUp: engine !== undefined && link?.isUp === true,
      lostPackets: lostBefore + (engine?.losses().packets ?? 0),
    }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#links[Symbol.dispose]();
    for (const tap of this.#taps.values()) this.#close(tap);
    await Promise.all(this.#closing);
  }

  #tap(name: string): Tap {
    let tap = this.#taps.get(name);
    if (tap === undefined) {
      tap = {
        name,
        link: undefined,
        goneAtMs: 0,
        engine: undefined,
        engineIndex: 0,
        lostBefore: 0,
        retry: undefined,
        failure: undefined,
      };
      this.#taps.set(name, tap);
      // Its `all` histogram is on the page from the first frame on, and its ledger outlives every engine.
      this.#sinks.interface(name);
    }
    return tap;
  }

  #openAtStart(link: Link): void {
    // What survives a link that goes down can wait for one to come up; the rights to open it may be gone by then.
    const error = this.#open(this.#tap(link.name), this.kind.survivesDown);
    if (error !== undefined && this.#patterns.includes(link.name)) throw error;
  }

  #linkChanged(name: string, link: Link | undefined): void {
    this.#forgetGone();
    if (!this.#taps.has(name) && (link === undefined || !isWanted(link, this.#patterns))) return;
    const tap = this.#tap(name);
    if (tap.link !== undefined) tap.goneAtMs = this.#now();
    tap.link = link;
    const isSame = link !== undefined && link.index === tap.engineIndex;
    const canStay = isSame && (link.isUp || this.kind.survivesDown);
    if (!canStay) this.#close(tap);
    this.#open(tap);
  }

  #forgetGone(): void {
    for (const { name, link, goneAtMs } of this.#taps.values()) {
      if (link !== undefined || this.#patterns.includes(name) || this.#now() - goneAtMs < FORGET_MS) continue;
      this.#taps.delete(name);
      this.kind.forget?.(name);
      this.#sinks.forget(name);
    }
  }

  /** Interfaces that are there, open or about to be. */
  #present(): number {
    return [...this.#taps.values()].filter(({ link }) => link !== undefined).length;
  }

  /** Opens an engine where there is none and the link can have one; returns what prevented it. */
  #open(tap: Tap, mayBeDown = false): Error | undefined {
    clearTimeout(tap.retry);
    if (tap.engine !== undefined || tap.link === undefined) return undefined;
    if (!tap.link.isUp && !mayBeDown) return undefined;
    try {
      tap.engine = this.kind.open(tap.link, this.#sinks.interface(tap.name), this.#present());
      tap.engineIndex = tap.link.index;
      tap.failure = undefined;
      this.#onChange(tap.name, true, undefined);
      return undefined;
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown));
      if (tap.failure !== error.message) this.#onChange(tap.name, false, error.message);
      tap.failure = error.message;
      tap.retry = setTimeout(() => this.#open(tap), RETRY_MS);
      return error;
    }
  }

  #close(tap: Tap): void {
    clearTimeout(tap.retry);
    const { engine } = tap;
    if (engine === undefined) return;
    tap.engine = undefined;
    tap.engineIndex = 0;
    this.#onChange(tap.name, false, undefined);
    // What is lost until the last block is read comes on top; the counter must never step back.
    const known = engine.losses().packets;
    tap.lostBefore += known;
    const closed = (async () => {
      await engine[Symbol.asyncDispose]();
      tap.lostBefore += engine.losses().packets - known;
    })();
    this.#closing.add(closed);
    void closed.finally(() => this.#closing.delete(closed));
  }
}

/** The links that the patterns name. Throws PromtapError where one that is named in full is not there. */
export function interfacesOf(patterns: readonly string[], links: readonly Link[]): Link[] {
  const missing = patterns.find((pattern) => isFullName(pattern) && !links.some((link) => link.name === pattern));
  if (missing !== undefined) {
    const present = links.map((link) => link.name).join(", ");
    throw new PromtapError(ErrorCode.HOST, `couldn't open ${missing}: no such interface; this host has ${present}`);
  }
  return links.filter((link) => isWanted(link, patterns));
}

function isWanted(link: Link, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => {
    if (pattern === AUTO) return link.isUp && !link.isLoopback;
    return isFullName(pattern) ? pattern === link.name : matchesGlob(link.name, pattern);
  });
}

/** Whether a pattern is the name of one interface. */
export function isFullName(pattern: string): boolean {
  return pattern !== AUTO && !/[*?[]/.test(pattern);
}
