import type { InterfacePatterns } from "../interface-patterns.ts";
import type { Link } from "../netlink.ts";
import type { Account } from "./tap.ts";

/** How long what is counted of an interface that only a pattern names is kept when it is gone: it may come back. */
const FORGET_MS = 10 * 60_000;

/** What engines count into, by interface; such as a Ledger. */
export interface Sinks<Sink> {
  interface(name: string): Sink;
  /** Gives up what is counted of an interface that is gone for long. */
  forget(name: string): void;
}

/** What is told of interfaces, by name. */
export class Accounts<Sink> {
  readonly #byName = new Map<string, Account<Sink>>();
  readonly #sinks: Sinks<Sink>;

  constructor(sinks: Sinks<Sink>) {
    this.#sinks = sinks;
  }

  all(): Account<Sink>[] {
    return [...this.#byName.values()];
  }

  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The account of a link that is wanted. */
  of(link: Link, patterns: InterfacePatterns): Account<Sink> {
    const { name } = link;
    let account = this.#byName.get(name);
    if (account === undefined) {
      // Its `all` histogram is on the page from the first frame on, and its ledger outlives every engine.
      account = newAccount(name, this.#sinks.interface(name));
      this.#byName.set(name, account);
    }
    account.isUnwanted = false;
    account.isNamed ||= patterns.namesInFull(link);
    return account;
  }

  /** Patterns have become others; `left`: accounts whose interfaces were wanted before, and may be no more. */
  patternsChanged(patterns: InterfacePatterns, left: ReadonlySet<Account<Sink>>): void {
    for (const account of this.all()) {
      const { name, tap } = account;
      const link = tap?.link ?? { name, altNames: [] };
      const mayCome = patterns.names(link) || (patterns.hasAuto && !patterns.leavesOut(link));
      account.isNamed = patterns.namesInFull(link);
      account.isUnwanted = tap === undefined && (left.has(account) || !mayCome);
    }
  }

  /** All is told that was counted until now. */
  told(): void {
    for (const account of this.all()) account.wasTold = account.closing === undefined;
  }

  /** Has all count into what is their sink by now. */
  resink(): void {
    for (const account of this.all()) account.sink = this.#sinks.interface(account.name);
  }

  /** Forgets what is gone for long, or wanted no more; returns the names. */
  forgetGone(nowMs: number): string[] {
    return this.all().flatMap(({ name, tap, isNamed, isUnwanted, wasTold, leftAtMs }) => {
      const isMissed = isUnwanted ? !wasTold : isNamed || nowMs - leftAtMs < FORGET_MS;
      if (tap !== undefined || isMissed) return [];
      this.#byName.delete(name);
      this.#sinks.forget(name);
      return [name];
    });
  }
}

function newAccount<Sink>(name: string, sink: Sink): Account<Sink> {
  const flags = { isNamed: false, isUnwanted: false, wasTold: false };
  return { name, sink, ...flags, tap: undefined, leftAtMs: 0, lostPackets: 0, closing: undefined };
}
