import { setImmediate as nextTurn } from "node:timers/promises";
import { InterfaceMeter } from "./interface-meter.ts";
import { statusPage } from "./page.ts";
import { type Report, reportOf } from "./report.ts";
import { type Sections, sectionsOf } from "./sections.ts";
import type { NamedTop, Snapshot, View } from "./snapshot.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Top } from "./tops.ts";

/** It is looked once a second at most. */
const TICK_MS = 1000;
/** What each kind of look may take of a CPU; what takes longer is looked at less often. */
const MAX_SHARE = 0.004;
/** Lists of what sends most need a look at everything. */
const TOPS_MS = 5000;

/** One list of what sends and receives most. */
export interface Looking {
  readonly title: string;
  readonly isPrivate: boolean;
  /** Looks at everything in turns. `seconds`: since the look before. */
  readonly look: (seconds: number) => Generator<void, Top>;
}

/** What the board tells of. */
export interface StatusSource {
  readonly ledger: Ledger;
  readonly tops: readonly Looking[];
  /** Brings the ledger up to date. */
  sync(): void;
  /** Told of what went wrong while nobody asked. */
  failed(error: unknown): void;
  /** Interfaces in any order; `rateOf` has been read before. */
  state(): Omit<Snapshot, "at" | "interfaces" | "tops"> & {
    readonly interfaces: readonly Snapshot["interfaces"][number]["tap"][];
  };
}

/** Somebody who looks; `send` is given events as text and may leave some out. */
export interface Viewer {
  readonly view: View;
  send(event: string): void;
  /** There will be no more. */
  end(): void;
}

/** Tells what runs and how well. It looks only while somebody does, and once for all of them. */
export class StatusBoard implements Disposable {
  readonly #source: StatusSource;
  readonly #template: string;
  readonly #telemetryPath: string;
  readonly #meter: InterfaceMeter;
  readonly #viewers = new Set<Viewer>();
  readonly #sent = new Map<View, Sections>();
  #tops: readonly NamedTop[] = [];
  #topsAtMs = Number.NEGATIVE_INFINITY;
  #topsPauseMs = TOPS_MS;
  #isLooking = false;
  #pauseMs = TICK_MS;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** `template`: status.html. */
  constructor(source: StatusSource, template: string, telemetryPath: string) {
    this.#source = source;
    this.#template = template;
    this.#telemetryPath = telemetryPath;
    this.#meter = new InterfaceMeter(source.ledger);
  }

  /** The page as it is now. */
  page(view: View): string {
    this.#refresh();
    const snapshot = this.#snapshot();
    const texts = { version: snapshot.version, telemetryPath: this.#telemetryPath };
    return statusPage(this.#template, sectionsOf(snapshot, view), texts);
  }

  /** What a program is told, as it is now. */
  report(view: View): Report {
    this.#refresh();
    return reportOf(this.#snapshot(), view);
  }

  /** Sends all that changes from now on, until the returned function is called. */
  watch(viewer: Viewer): () => void {
    this.#viewers.add(viewer);
    // The next tick sends everything to those who see it alike: nothing they have is wrong then.
    this.#sent.delete(viewer.view);
    this.#timer ??= setTimeout(() => this.#tick(), 0);
    return () => {
      this.#viewers.delete(viewer);
      if (this.#viewers.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    for (const viewer of this.#viewers) viewer.end();
    this.#viewers.clear();
  }

  #tick(): void {
    try {
      this.#read();
      const snapshot = this.#snapshot();
      const views = new Set([...this.#viewers].map(({ view }) => view));
      for (const view of views) this.#tell(view, sectionsOf(snapshot, view));
    } catch (error) {
      this.#source.failed(error);
    }
    this.#timer = setTimeout(() => this.#tick(), this.#pauseMs);
  }

  /** Reads, unless it did so just now. */
  #refresh(): void {
    if (performance.now() - this.#readAtMs >= this.#pauseMs) this.#read();
  }

  #read(): void {
    const nowMs = performance.now();
    const before = process.cpuUsage();
    this.#source.sync();
    this.#meter.read(nowMs);
    this.#readAtMs = nowMs;
    const { user, system } = process.cpuUsage(before);
    this.#pauseMs = Math.max(TICK_MS, (user + system) / 1000 / MAX_SHARE);
    if (this.#isLooking || nowMs - this.#topsAtMs < this.#topsPauseMs) return;
    this.#isLooking = true;
    this.#lookAtTops((nowMs - this.#topsAtMs) / 1000)
      .catch((error: unknown) => this.#source.failed(error))
      .finally(() => (this.#isLooking = false));
    this.#topsAtMs = nowMs;
  }

  async #lookAtTops(seconds: number): Promise<void> {
    let busyMs = 0;
    const tops: NamedTop[] = [];
    for (const { title, isPrivate, look } of this.#source.tops) {
      const looking = look(seconds);
      for (let top: Top | undefined; top === undefined;) {
        const startMs = performance.now();
        const { done, value } = looking.next();
        busyMs += performance.now() - startMs;
        if (done === true) tops.push({ title, isPrivate, top: (top = value) });
        else await nextTurn();
      }
    }
    this.#tops = tops;
    this.#topsPauseMs = Math.max(TOPS_MS, busyMs / MAX_SHARE);
  }

  #snapshot(): Snapshot {
    const { interfaces, ...state } = this.#source.state();
    const rated = interfaces.map((tap) => ({ tap, rate: this.#meter.rateOf(tap.name) }));
    return { ...state, at: new Date(), interfaces: rated, tops: this.#tops };
  }

  #tell(view: View, sections: Sections): void {
    const sent = this.#sent.get(view);
    const changed = [...sections].filter(([id, body]) => sent?.get(id) !== body);
    this.#sent.set(view, sections);
    if (changed.length === 0) return;
    const event = `data: ${JSON.stringify(Object.fromEntries(changed))}\n\n`;
    for (const viewer of this.#viewers) if (viewer.view === view) viewer.send(event);
  }
}
