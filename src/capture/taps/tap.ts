import type { Engine, EngineKind, Renewal } from "../engine.ts";
import type { Link } from "../netlink.ts";

/** What is told of a name, whichever interface bears it: it outlives them. */
export interface Account<Sink> {
  readonly name: string;
  sink: Sink;
  /** Whether an interface of this name was named in full: it is kept in mind however long it is gone. */
  isNamed: boolean;
  /** Whether no pattern names it any more: it is told once more, and then forgotten. */
  isUnwanted: boolean;
  /** Whether all that was counted for it has been told. */
  wasTold: boolean;
  /** The interface that counts for it now. */
  tap: Tap<Sink> | undefined;
  /** When an interface last counted for it, in milliseconds of the clock. */
  leftAtMs: number;
  /** Losses of engines that count for it no more. */
  lostPackets: number;
  /** The engine that counted for it is being closed. */
  closing: Promise<void> | undefined;
}

/** An engine that counts its last packets, and is to be closed. */
export interface Leaver {
  /** Counts into no sink until there is another one. */
  hold(): void;
  /** Counts into what is the sink of its account by now. */
  resink(): void;
  close(): Promise<void>;
}

/** An interface that is captured or about to be: it keeps its engine whatever it is called. */
export class Tap<Sink> {
  link: Link;
  account: Account<Sink> | undefined;
  /** The name that it had last, of those that are counted for. */
  name: string;
  /** When it ceased to count for a name. */
  leftAtMs = 0;
  /** Whether it is opened though its link is down. */
  mayBeDown = false;
  #engine: Engine<Sink> | undefined;
  /** The link as it was when its engine was opened. */
  #openLink: Link | undefined;
  /** Losses of the engine that accounts have taken over. */
  #accountedLosses = 0;

  constructor(link: Link) {
    this.link = link;
    this.name = link.name;
  }

  get isOpen(): boolean {
    return this.#engine !== undefined;
  }

  /** Losses of its engine that no account has taken over yet. */
  get lostPackets(): number {
    return this.#engine === undefined ? 0 : this.#engine.losses().packets - this.#accountedLosses;
  }

  /** Counts for a name from now on. */
  join(account: Account<Sink>): void {
    this.account = account;
    this.name = account.name;
    account.tap = this;
    this.#engine?.retarget(account.sink);
  }

  /** Counts for its name no more. What comes waits for the next one. */
  leave(nowMs: number): void {
    const { account } = this;
    if (account === undefined) return;
    this.#engine?.retarget(undefined);
    this.#settle(account);
    if (account.tap === this) account.tap = undefined;
    account.wasTold = false;
    account.leftAtMs = nowMs;
    this.account = undefined;
    this.leftAtMs = nowMs;
  }

  sync(): void {
    this.#engine?.sync();
  }

  /** Likewise, but for what is counted by address, if that is less work; yields often. */
  *syncTotals(): Generator<void> {
    if (this.#engine?.syncTotals === undefined) this.sync();
    else yield* this.#engine.syncTotals();
  }

  /** Makes its engine ready for other rules; undefined if it has none. Throws what prevents it. */
  renew(kind: EngineKind<Sink>, siblings: number): Renewal | undefined {
    return this.#engine?.renew?.(kind, siblings);
  }

  /** Counts into no sink until there is another one. */
  hold(): void {
    this.#engine?.retarget(undefined);
  }

  /** Counts into what is the sink of its account by now. */
  resink(): void {
    this.#engine?.retarget(this.account?.sink);
  }

  /** Whether its engine can go on with what has become of the link. */
  canStay(): boolean {
    const before = this.#openLink;
    const { isEthernet, isLoopback } = this.link;
    return before?.isEthernet === isEthernet && before.isLoopback === isLoopback;
  }

  /** Opens an engine; false if there is one, or the link can't have one now. Throws what prevents it. */
  async open(openEngine: (link: Link, account: Account<Sink>) => Promise<Engine<Sink>>): Promise<boolean> {
    // Not without need: what follows has to begin in the turn that was given to it.
    if (this.account?.closing !== undefined) await this.account.closing;
    const { account, link } = this;
    if (this.#engine !== undefined || account === undefined || !(link.isUp || this.mayBeDown)) return false;
    this.mayBeDown = false;
    const engine = await openEngine(link, account);
    this.#engine = engine;
    this.#openLink = link;
    this.#accountedLosses = 0;
    // It may have been renamed meanwhile.
    if (this.account !== account) engine.retarget(this.account?.sink);
    return true;
  }

  /** Gives up its engine, and returns it; undefined if there is none. */
  release(): Leaver | undefined {
    const engine = this.#engine;
    if (engine === undefined) return undefined;
    const { account } = this;
    if (account !== undefined) this.#settle(account);
    const accounted = this.#accountedLosses;
    this.#engine = undefined;
    return {
      hold: () => engine.retarget(undefined),
      resink: () => engine.retarget(account?.sink),
      async close() {
        await engine[Symbol.asyncDispose]();
        // What is lost until the last packet is read comes on top.
        if (account !== undefined) account.lostPackets += engine.losses().packets - accounted;
      },
    };
  }

  #settle(account: Account<Sink>): void {
    const lost = this.lostPackets;
    account.lostPackets += lost;
    this.#accountedLosses += lost;
  }
}
