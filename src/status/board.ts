import { setTimeout as delay } from "node:timers/promises";
import type { CountedList } from "../collectors/status.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { InterfaceMeter } from "./interface-meter.ts";
import { Looks } from "./lists/looks.ts";
import { search } from "./page/lists.ts";
import { statusPage } from "./page/page.ts";
import { type Sections, sectionsOf } from "./page/sections.ts";
import { type Report, reportOf } from "./report.ts";
import type { Snapshot, View } from "./snapshot.ts";

/** It is looked once a second at most. */
const TICK_MS = 1000;
/** How much earlier than that a timer may come. */
const EARLY_MS = 100;
/** What reading may take of a CPU; what takes longer is read less often. */
const MAX_SHARE = 0.004;

/** For lists that take longer a page tells what was found before. */
const LOOKING_MS = 100;

/** What the board tells of. */
export interface StatusSource {
  readonly ledger: Ledger;
  /** What is counted, by lists that come and go. */
  lists(): readonly CountedList[];
  /** Brings the ledger up to date, and what `state` tells. */
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
  readonly #looks: Looks;
  readonly #viewers = new Set<Viewer>();
  readonly #sent = new Map<View, Sections>();
  #pauseMs = TICK_MS;
  #readAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  /** `template`: status.html. */
  constructor(source: StatusSource, template: string, telemetryPath: string) {
    this.#source = source;
    this.#template = template;
    this.#telemetryPath = telemetryPath;
    this.#meter = new InterfaceMeter(source.ledger);
    this.#looks = new Looks(() => source.lists());
  }

  /** The page as it is now, with what is `wanted` if anything is: names are told to those alone that may see them. */
  async page(view: View, wanted: string): Promise<string> {
    await this.#refresh();
    const found = view === "full" && wanted !== "" ? await this.#looks.find(wanted) : [];
    const snapshot = this.#snapshot();
    const sections = new Map(sectionsOf(snapshot, view));
    sections.set("search", view === "full" ? search(wanted, found).text : "");
    return statusPage(this.#template, sections, { version: snapshot.version, telemetryPath: this.#telemetryPath });
  }

  /** What a program is told, as it is now. */
  async report(view: View): Promise<Report> {
    await this.#refresh();
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
      if (this.#isDue) void this.#read();
      const snapshot = this.#snapshot();
      const views = new Set([...this.#viewers].map(({ view }) => view));
      for (const view of views) this.#tell(view, sectionsOf(snapshot, view));
    } catch (error) {
      this.#source.failed(error);
    }
    this.#timer = setTimeout(() => this.#tick(), this.#pauseMs);
  }

  /** Rates of shorter times are of chance. */
  get #isDue(): boolean {
    return performance.now() - this.#readAtMs >= this.#pauseMs - EARLY_MS;
  }

  /** Reads, unless it did so just now. */
  async #refresh(): Promise<void> {
    if (!this.#isDue) return;
    const late = new AbortController();
    const looking = this.#read().finally(() => late.abort());
    await Promise.race([looking, delay(LOOKING_MS, undefined, { signal: late.signal }).catch(() => {})]);
  }

  /** Resolves when the lists have been looked at, too. Never rejects. */
  #read(): Promise<void> {
    const nowMs = performance.now();
    const before = process.cpuUsage();
    this.#source.sync();
    this.#meter.read(nowMs);
    this.#readAtMs = nowMs;
    const { user, system } = process.cpuUsage(before);
    // The first reading can tell no rates, and takes longer than others.
    this.#pauseMs = this.#meter.hasRates ? Math.max(TICK_MS, (user + system) / 1000 / MAX_SHARE) : TICK_MS;
    return this.#looks.look().catch((error: unknown) => this.#source.failed(error));
  }

  #snapshot(): Snapshot {
    const { interfaces, ...state } = this.#source.state();
    const rated = interfaces.map((tap) => ({ tap, rate: this.#meter.rateOf(tap.name) }));
    return { ...state, at: new Date(), interfaces: rated, tops: this.#looks.tops() };
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
