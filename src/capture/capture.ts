import { setImmediate as nextTurn } from "node:timers/promises";
import { messageOf } from "../errors.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Engine, EngineKind, Renewal } from "./engine.ts";
import { InterfacePatterns } from "./interface-patterns.ts";
import { type Link, Links } from "./links.ts";
import { type Position, positionsOf } from "./edge.ts";
import { Attempts } from "./taps/attempts.ts";
import { Accounts, type Sinks } from "./taps/accounts.ts";
import { Openings } from "./taps/openings.ts";
import { type Account, type Leaver, Tap } from "./taps/tap.ts";
import { WorkQueue } from "./taps/work-queue.ts";
import { idlePatterns, interfacesOf, noSuchInterface, wantedLinks } from "./wanted.ts";

/** How long an engine waits for another name that is wanted: a renaming may pass names that are not. */
const LINGER_MS = 1000;
/** Links are compared with what is captured at most this often, however fast they change. */
const SETTLE_MS = 20;

/** Engines that are closed at the same time. */
const CLOSING_LANES = 32;

/** Told of what happens while running, to be logged. */
export interface CaptureListener {
  opened(name: string): void;
  closed(name: string): void;
  /** An interface that is captured has another name. */
  renamed(before: string, name: string): void;
  /** These patterns name no interface that there was at the start. */
  idle(patterns: readonly string[]): void;
  /** These couldn't be opened, and will be tried again; told once for each reason. */
  failed(names: readonly string[], reason: string): void;
  /** Packets of these interfaces pass others that are captured too, and count there as well; told once. */
  overlapped(names: readonly string[]): void;
}

/** What the page says of an interface. */
export interface TapState {
  name: string;
  isUp: boolean;
  lostPackets: number;
  /** Undefined if no interface bears the name now. */
  position: Position | undefined;
}

/**
 * Keeps an engine open on every interface that the patterns name, whatever becomes of the interfaces: they may go, come
 * back under another index, be renamed, be down, or appear later. What is counted stays under the name that it was
 * counted for; containers come and go, so of an interface that only a pattern names it stays for ten minutes.
 *
 * What the kernel announces changes what is wanted, and no more: engines are opened and closed by queues, in their own
 * time, because that may make the kernel announce something.
 */
export class Capture<Sink = InterfaceLedger> implements AsyncDisposable {
  #kind: EngineKind<Sink>;
  #patterns: InterfacePatterns;
  readonly #listener: CaptureListener;
  readonly #now: () => number;
  readonly #links: Links;
  /** Index of the link → what captures it. */
  readonly #taps = new Map<number, Tap<Sink>>();
  readonly #accounts: Accounts<Sink>;
  readonly #attempts: Attempts<Tap<Sink>>;
  readonly #openings = new Openings<Sink>(() => this.#closings.settled());
  /** While engines begin to count by other rules, none is opened. */
  #reranging: Promise<void> | undefined;
  /** Nor closed, once none is being opened: that may wait for what is closed. */
  #renewing: Promise<void> | undefined;
  /** Engines that are being closed. */
  readonly #leavers = new Set<Leaver>();
  readonly #closings = new WorkQueue<() => Promise<void>>(
    (close) => close(),
    CLOSING_LANES,
    () => this.#attempts.hurry(),
  );
  /** Indexes of links that went, which has yet to be followed. */
  readonly #gone = new Set<number>();
  #followTimer: NodeJS.Timeout | undefined;
  #lingerTimer: NodeJS.Timeout | undefined;
  #hasToldOverlap = false;

  private constructor(
    kind: EngineKind<Sink>,
    patterns: readonly string[],
    sinks: Sinks<Sink>,
    listener: CaptureListener,
    now: () => number,
  ) {
    this.#kind = kind;
    this.#accounts = new Accounts(sinks);
    this.#patterns = new InterfacePatterns(patterns);
    this.#listener = listener;
    this.#now = now;
    this.#attempts = new Attempts(
      (tap) => this.#attemptForReason(tap),
      (taps, reason) =>
        listener.failed(
          taps.map(({ name }) => name),
          reason,
        ),
      now,
    );
    this.#links = Links.open();
  }

  /**
   * Opens the interfaces that are named in full, and has all others opened from now on. Throws PromtapError if one
   * that is named in full is not there or cannot be opened; later on, failures are told to the listener. `now`: a clock
   * in milliseconds that never steps back.
   */
  static async start<Sink>(
    kind: EngineKind<Sink>,
    patterns: readonly string[],
    sinks: Sinks<Sink>,
    listener: CaptureListener,
    now = () => performance.now(),
  ): Promise<Capture<Sink>> {
    const capture = new Capture(kind, patterns, sinks, listener, now);
    try {
      await capture.#start();
    } catch (error) {
      await capture[Symbol.asyncDispose]();
      throw error;
    }
    return capture;
  }

  /** Resolves when all interfaces present at the start have been tried. */
  started(): Promise<void> {
    return this.#attempts.settled();
  }

  /**
   * Captures what other patterns name from now on; what both name goes on as it is. Throws PromtapError, and changes
   * nothing, if one that is named in full is not there and never was.
   */
  want(texts: readonly string[]): void {
    const links = this.#links.all();
    const patterns = new InterfacePatterns(texts);
    const missing = patterns.missing(links).find((name) => !this.#accounts.has(name));
    if (missing !== undefined) throw noSuchInterface(missing, links);
    const before = new Set(this.#accounts.all().filter(({ tap }) => tap !== undefined));
    this.#patterns = patterns;
    this.#followAll();
    this.#accounts.patternsChanged(patterns, before);
    this.#tellIdle();
  }

  /**
   * Counts by other rules from now on: those of `kind`, if engines know of rules. `adopt` has the sinks take over what was
   * counted so far, when all of it is in them. Throws PromtapError, and goes on as before.
   */
  async rerange(kind: EngineKind<Sink> | undefined, adopt: () => void): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    while (this.#reranging !== undefined) await this.#reranging;
    this.#reranging = promise;
    try {
      await this.#openings.settled();
      this.#renewing = promise;
      if (kind !== undefined) await this.#renew(kind);
      const counting = [...this.#taps.values(), ...this.#leavers];
      // What comes in now waits until the sinks are others.
      for (const each of counting) each.hold();
      adopt();
      this.#accounts.resink();
      for (const each of counting) each.resink();
    } finally {
      this.#reranging = undefined;
      this.#renewing = undefined;
      resolve();
    }
  }

  async #renew(kind: EngineKind<Sink>): Promise<void> {
    const renewals = await this.#prepare(kind);
    const begun = [...renewals].filter(([tap, renewal]) => this.#begin(tap, renewal));
    await kind.settled?.();
    for (const [, renewal] of begun) renewal.finish();
    this.#kind.close?.();
    this.#kind = kind;
  }

  async #prepare(kind: EngineKind<Sink>): Promise<Map<Tap<Sink>, Renewal>> {
    const renewals = new Map<Tap<Sink>, Renewal>();
    try {
      await kind.makeShared?.();
      for (const tap of this.#taps.values()) {
        const renewal = tap.renew(kind, this.#taps.size);
        if (renewal !== undefined) renewals.set(tap, renewal);
        await nextTurn();
      }
      return renewals;
    } catch (error) {
      for (const renewal of renewals.values()) renewal.undo();
      kind.close?.();
      throw error;
    }
  }

  /** False if it can't: then it is opened again, by the new rules. */
  #begin(tap: Tap<Sink>, renewal: Renewal): boolean {
    try {
      renewal.begin();
      return true;
    } catch (error) {
      this.#listener.failed([tap.name], messageOf(error));
      renewal.undo();
      this.#close(tap);
      this.#attempts.add(tap);
      return false;
    }
  }

  /** Brings all sinks up to date. */
  sync(): void {
    this.#forgetGone();
    for (const tap of this.#taps.values()) tap.sync();
    this.#accounts.told();
  }

  /** Likewise, but for what is counted by address, if that is less work; yields often. */
  *syncTotals(): Generator<void> {
    for (const tap of this.#taps.values()) {
      yield* tap.syncTotals();
      yield;
    }
  }

  taps(): TapState[] {
    const positions = this.#positions();
    return this.#accounts.all().map(({ name, tap, lostPackets }) => ({
      name,
      isUp: tap?.isOpen === true && tap.link.isUp,
      lostPackets: lostPackets + (tap?.lostPackets ?? 0),
      position: tap === undefined ? undefined : positions.get(tap.link.index),
    }));
  }

  #positions(): ReadonlyMap<number, Position> {
    const captured = [...this.#taps.values()].filter(({ account }) => account !== undefined);
    return positionsOf(
      captured.map(({ link }) => link),
      this.#links.all(),
    );
  }

  #tellOverlap(): void {
    if (this.#hasToldOverlap) return;
    const names = this.taps().flatMap(({ name, position }) => (position?.isEdge === false ? [name] : []));
    if (names.length === 0) return;
    this.#hasToldOverlap = true;
    this.#listener.overlapped(names);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#links[Symbol.dispose]();
    clearTimeout(this.#followTimer);
    clearTimeout(this.#lingerTimer);
    await this.#attempts.stop();
    for (const tap of this.#taps.values()) this.#drop(tap);
    await this.#closings.settled();
  }

  async #start(): Promise<void> {
    for (const link of interfacesOf(this.#patterns, this.#links.all())) {
      // An engine can wait for its link to come up; the rights to open one may be gone by then.
      this.#follow(link).mayBeDown = true;
    }
    this.#tellIdle();
    const isNamed = ({ link }: Tap<Sink>): boolean => this.#patterns.namesInFull(link);
    for (const tap of this.#taps.values()) if (isNamed(tap)) await this.#attempt(tap);
    for (const tap of this.#taps.values()) if (!isNamed(tap)) this.#attempts.add(tap);
    this.#tellOverlap();
    this.#links.watch((gone) => this.#linksChanged(gone));
  }

  #tellIdle(): void {
    const idle = idlePatterns(this.#patterns, this.#links.all());
    if (idle.length > 0) this.#listener.idle(idle);
  }

  #linksChanged(gone: ReadonlySet<number>): void {
    for (const index of gone) this.#gone.add(index);
    this.#followTimer ??= setTimeout(() => this.#followAll(), SETTLE_MS);
  }

  /** Captures what is wanted now, and nothing else. */
  #followAll(): void {
    clearTimeout(this.#followTimer);
    this.#followTimer = undefined;
    this.#forgetGone();
    for (const index of this.#gone) this.#drop(this.#taps.get(index));
    this.#gone.clear();
    const wanted = wantedLinks(this.#patterns, this.#links.all(), ({ index }) => this.#taps.has(index));
    const names = new Map(wanted.map(({ index, name }) => [index, name]));
    // Names may have gone round: all are left before any is taken.
    for (const [index, tap] of this.#taps) if (names.get(index) !== tap.name) tap.leave(this.#now());
    for (const link of wanted) {
      const hasChanged = this.#taps.get(link.index)?.link !== link;
      const tap = this.#follow(link);
      if (hasChanged && !tap.isOpen) this.#attempts.add(tap);
    }
    this.#dropUnwanted();
    this.#tellOverlap();
  }

  /** The tap of a wanted link, which counts for its name and has an engine only if it can go on. */
  #follow(link: Link): Tap<Sink> {
    const tap = this.#taps.get(link.index) ?? new Tap<Sink>(link);
    this.#taps.set(link.index, tap);
    tap.link = link;
    if (tap.account === undefined) {
      if (tap.isOpen && tap.name !== link.name) this.#listener.renamed(tap.name, link.name);
      tap.join(this.#accounts.of(link, this.#patterns));
    }
    if (tap.isOpen && !tap.canStay()) this.#close(tap);
    return tap;
  }

  /** What is no longer wanted gets some time to be wanted again. */
  #dropUnwanted(): void {
    clearTimeout(this.#lingerTimer);
    let isLingering = false;
    for (const tap of this.#taps.values()) {
      if (tap.account !== undefined) continue;
      if (!tap.isOpen || this.#now() - tap.leftAtMs >= LINGER_MS) this.#drop(tap);
      else isLingering = true;
    }
    if (isLingering) this.#lingerTimer = setTimeout(() => this.#dropUnwanted(), LINGER_MS);
  }

  #forgetGone(): void {
    for (const name of this.#accounts.forgetGone(this.#now())) this.#kind.forget?.(name);
  }

  async #attempt(tap: Tap<Sink>): Promise<boolean> {
    if (!(await tap.open((link, account) => this.#openEngine(link, account)))) return false;
    this.#listener.opened(tap.name);
    // The link may have changed while it was opened.
    const isWanted = this.#taps.get(tap.link.index) === tap;
    if (!isWanted || !tap.canStay()) this.#close(tap);
    return isWanted;
  }

  async #openEngine(link: Link, account: Account<Sink>): Promise<Engine<Sink>> {
    while (this.#reranging !== undefined) await this.#reranging;
    return this.#openings.open(this.#kind, link, account.sink, this.#taps.size);
  }

  /** Throws the reason alone, which others may share. */
  async #attemptForReason(tap: Tap<Sink>): Promise<boolean> {
    try {
      return await this.#attempt(tap);
    } catch (error) {
      throw new Error(messageOf(error).replace(`couldn't open ${tap.name}: `, ""), { cause: error });
    }
  }

  #drop(tap: Tap<Sink> | undefined): void {
    if (tap === undefined) return;
    this.#taps.delete(tap.link.index);
    this.#attempts.remove(tap);
    this.#close(tap);
    tap.leave(this.#now());
  }

  #close(tap: Tap<Sink>): void {
    const leaver = tap.release();
    if (leaver === undefined) return;
    this.#leavers.add(leaver);
    this.#listener.closed(tap.name);
    const { account } = tap;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (account !== undefined) {
      account.closing = promise;
      account.wasTold = false;
    }
    this.#closings.add(async () => {
      await this.#renewing;
      await leaver.close();
      this.#leavers.delete(leaver);
      resolve();
      if (account?.closing === promise) account.closing = undefined;
    });
  }
}
