import type { Family } from "../../page/family.ts";
import type { Collector } from "../collector.ts";
import { Backend, type Source } from "./backends.ts";
import { healthFamilies, namedFamilies, ruleFamilies } from "./families.ts";
import { FULL_FORM, ORIGINAL_FORM } from "./form.ts";
import { type Foreign, NftReader } from "./nft/nft.ts";
import type { Named } from "./nft/ruleset.ts";
import type { Limits } from "./program.ts";
import type { Reading } from "./reading.ts";
import { SaverReader, type SaverReading, shows } from "./saver/saver.ts";
import type { ReadOptions } from "./tally.ts";

/** Part of the time that is left for making the page. */
const PAGE_SHARE = 0.1;
/** Part of the time that nft waits for iptables-nft-save, to leave out what that shows. */
const WAITING_SHARE = 0.5;

/** Told when what a source says changes: its error, undefined where there is none, and what is on standard error. */
export type SourceListener = (source: Source, error: string | undefined, stderr: string) => void;

export interface IptablesOptions extends ReadOptions {
  /** Show it in the form of iptables_exporter. */
  readonly isCompat: boolean;
}

interface Snapshot {
  readonly readings: readonly Reading[];
  readonly named: readonly Named[];
}

/** The counters of the firewall: iptables_exporter's families, from all backends there are. */
export class IptablesCollector implements Collector, AsyncDisposable {
  readonly name = "iptables";
  readonly #savers: readonly SaverReader[];
  readonly #nft: NftReader | undefined;
  readonly #isCompat: boolean;
  readonly #onChange: SourceListener;
  readonly #said = new Map<string, string>();
  readonly #end = new AbortController();
  /** The run that is under way, which all scrapes of that time share, and the deadline of the one that began it. */
  #running: { readonly snapshot: Promise<Snapshot>; readonly deadline: number } | undefined;

  constructor(programs: readonly Source[], options: IptablesOptions, onChange: SourceListener) {
    const savers = programs.filter((program) => program.backend !== Backend.NFTABLES);
    const nft = programs.find((program) => program.backend === Backend.NFTABLES);
    this.#savers = savers.map((saver) => new SaverReader(saver, options, options.isCompat));
    this.#nft = nft === undefined ? undefined : new NftReader(nft, options);
    this.#isCompat = options.isCompat;
    this.#onChange = onChange;
  }

  async collect(deadline: number): Promise<Family[]> {
    const { readings, named } = await this.#snapshot(deadline);
    const form = this.#isCompat ? ORIGINAL_FORM : FULL_FORM;
    return [...healthFamilies(readings, form), ...ruleFamilies(readings, form), ...namedFamilies(named)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running?.snapshot;
  }

  async #snapshot(deadline: number): Promise<Snapshot> {
    for (;;) {
      this.#running ??= {
        snapshot: this.#read(deadline).finally(() => (this.#running = undefined)),
        deadline,
      };
      const run = this.#running;
      const snapshot = await run.snapshot;
      // Another scrape's deadline may have come too early for some.
      if (run.deadline >= deadline || snapshot.readings.every(({ error }) => error === undefined)) return snapshot;
    }
  }

  async #read(deadline: number): Promise<Snapshot> {
    const msLeft = deadline - performance.now();
    const limits: Limits = { deadline: deadline - msLeft * PAGE_SHARE, signal: this.#end.signal };
    const saving = this.#savers.map((reader) => reader.read(limits));
    const ofNft = this.#savers.flatMap(({ saver: { backend, family } }, index) =>
      backend === Backend.IPTABLES_NFT ? [[family, saving[index]!] as const] : [],
    );
    const foreign = ofNft.length === 0 ? undefined : foreignOf(new Map(ofNft), msLeft * WAITING_SHARE);
    const listing = this.#nft?.read(foreign, limits);
    const [savings, nft] = await Promise.all([Promise.all(saving), listing]);
    const readings: Reading[] = nft === undefined ? savings : [...savings, nft];
    for (const reading of readings) this.#report(reading);
    return { readings, named: nft?.content === undefined ? [] : [...nft.ruleset.named()] };
  }

  #report({ source, error, stderr }: Reading): void {
    const said = `${error ?? ""}\0${stderr}`;
    if ((this.#said.get(source.path) ?? "\0") === said) return;
    this.#said.set(source.path, said);
    this.#onChange(source, error, stderr);
  }
}

/** What iptables-nft shows; where it is not done in time, what it may show. */
async function foreignOf(saving: ReadonlyMap<string, Promise<SaverReading>>, waitMs: number): Promise<Foreign> {
  const done = new Map<string, SaverReading>();
  const all = Promise.all([...saving].map(async ([family, reading]) => done.set(family, await reading)));
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, waitMs);
  await Promise.race([all, late]);
  // Else it would keep all that was read until it fires.
  clearTimeout(timer);
  const isShown = (family: string, table: string, chain?: string): boolean =>
    saving.has(family) && shows(done.get(family), table, chain);
  return { hasTable: isShown, hasChain: isShown };
}
