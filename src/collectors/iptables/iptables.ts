import type { Family } from "../../page/family.ts";
import type { Collector } from "../collector.ts";
import { isDoneBy } from "../waiting.ts";
import { Backend, type RuleProgram } from "./backends.ts";
import { healthFamilies, namedFamilies, ruleFamilies } from "./families.ts";
import { FULL_FORM, ORIGINAL_FORM } from "./form.ts";
import { readOutline } from "./kernel/kernel.ts";
import { readNamed } from "./kernel/named.ts";
import { Kind, type Named, NamedBook } from "./named.ts";
import { type Foreign, NftReader, type NftReading } from "./nft/nft.ts";
import { SetSizes } from "./nft/set-sizes.ts";
import type { Reading } from "./reading.ts";
import { RuleList } from "./rule-list.ts";
import type { LabelOptions } from "./rows.ts";
import { SaverReader, type SaverReading, shows } from "./saver/saver.ts";
import { placeKey, type ReadOptions } from "./rule-book.ts";

/** Part of the time that is left for making the page. */
const PAGE_SHARE = 0.1;
/** Part of the time that nft waits for iptables-nft-save, to leave out what that shows. */
const WAITING_SHARE = 0.5;

/** Told when what a source says changes: its error, undefined if there is none, and what is on standard error. */
export type ProgramListener = (source: RuleProgram, error: string | undefined, stderr: string) => void;

export interface IptablesOptions extends ReadOptions {
  /** Show it in the form of iptables_exporter. */
  readonly isCompat: boolean;
}

interface NamedOnes {
  readonly named: readonly Named[];
  /** How old the numbers of elements are; undefined if there are none. */
  readonly elementsAgeSeconds: number | undefined;
}

interface WithNamed extends NamedOnes {
  readonly reading: Reading;
}

interface Snapshot extends NamedOnes {
  readonly readings: readonly Reading[];
}

/** The counters of the firewall: iptables_exporter's families, from all backends there are. */
export class IptablesCollector implements Collector, AsyncDisposable {
  readonly name = "iptables";
  readonly rules = new RuleList(async (deadline) => (await this.#snapshot(deadline)).readings);
  readonly #savers: readonly SaverReader[];
  readonly #nft: NftReader | undefined;
  readonly #sizes: SetSizes | undefined;
  readonly #options: IptablesOptions;
  readonly #onChange: ProgramListener;
  readonly #said = new Map<string, string>();
  readonly #end = new AbortController();
  /** The run that is under way, which all scrapes of that time share, and the deadline of the one that began it. */
  #running: { readonly snapshot: Promise<Snapshot>; readonly deadline: number } | undefined;

  constructor(programs: readonly RuleProgram[], options: IptablesOptions, onChange: ProgramListener) {
    const { isCompat, ...readOptions } = options;
    const form = isCompat ? ORIGINAL_FORM : FULL_FORM;
    const savers = programs.filter((program) => program.backend !== Backend.NFTABLES);
    const nft = programs.find((program) => program.backend === Backend.NFTABLES);
    const optionsOf = (source: RuleProgram): LabelOptions => ({
      ...readOptions,
      chainLabels: (chain) => form.chainLabels(source, chain),
    });
    this.#savers = savers.map((saver) => new SaverReader(saver, { ...optionsOf(saver), isEmptyWrong: isCompat }));
    this.#nft = nft && new NftReader(nft, optionsOf(nft));
    this.#sizes = nft && new SetSizes(nft);
    this.#options = options;
    this.#onChange = onChange;
  }

  async collect(deadline: number): Promise<Family[]> {
    const { readings, named, elementsAgeSeconds } = await this.#snapshot(deadline);
    const form = this.#options.isCompat ? ORIGINAL_FORM : FULL_FORM;
    return [
      ...healthFamilies(readings, form),
      ...ruleFamilies(readings, form),
      ...namedFamilies(named, elementsAgeSeconds),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end.abort();
    await this.#running?.snapshot;
    await Promise.all([...this.#savers, this.#nft, this.#sizes].map(async (reader) => reader?.settled()));
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
    const end = deadline - msLeft * PAGE_SHARE;
    const { signal } = this.#end;
    const asksKernel = this.#savers.some(({ isOfKernel }) => isOfKernel) || this.#nft?.isOfKernel === true;
    const outline = asksKernel ? await readOutline({ deadline: end, signal }) : undefined;
    const saving = this.#savers.map((reader) => reader.read(outline, end, signal));
    const listing = this.#nft?.read(outline, this.#foreign(saving, msLeft * WAITING_SHARE), end, signal);
    const ofKernel =
      this.#nft?.isOfKernel === true && outline !== undefined ? readNamed({ deadline: end, signal }) : undefined;
    const [savings, nft, named] = await Promise.all([Promise.all(saving), listing, ofKernel]);
    const ofNft = nft === undefined ? undefined : await this.#withNamed(nft, named, end);
    const readings: Reading[] = ofNft === undefined ? savings : [...savings, ofNft.reading];
    for (const reading of readings) this.#report(reading);
    return { readings, named: ofNft?.named ?? [], elementsAgeSeconds: ofNft?.elementsAgeSeconds };
  }

  /** What iptables-nft shows; if it is not done in time, what it may show. */
  #foreign(saving: readonly Promise<SaverReading>[], waitMs: number): Promise<Foreign> | undefined {
    const ofNft = this.#savers.flatMap(({ saver: { backend, family } }, index) =>
      backend === Backend.IPTABLES_NFT ? [[family, saving[index]!] as const] : [],
    );
    return ofNft.length === 0 ? undefined : foreignOf(new Map(ofNft), waitMs);
  }

  /** What has a name, of the kernel if that tells it, and the reading with what had no room. */
  async #withNamed(nft: NftReading, ofKernel: Named[] | undefined, end: number): Promise<WithNamed> {
    const all = ofKernel === undefined ? nft.named : [...ofKernel, ...nft.named.filter(isOfRule)];
    const sizes = all.some(isUncounted) ? await this.#sizes?.read(end, this.#end.signal) : undefined;
    const book = new NamedBook(this.#options.maxSeries);
    for (const named of all) {
      const { family, table, name = "" } = named.labels;
      book.add(isUncounted(named) ? { ...named, first: sizes?.value?.get(placeKey(family, table, name)) } : named);
    }
    const content = nft.content && { ...nft.content, refused: nft.content.refused + book.refused };
    return { reading: { ...nft, content }, named: book.all(), elementsAgeSeconds: sizes?.value && sizes.ageSeconds };
  }

  #report({ source, error, stderr }: Reading): void {
    const said = `${error ?? ""}\0${stderr}`;
    if ((this.#said.get(source.path) ?? "\0") === said) return;
    this.#said.set(source.path, said);
    this.#onChange(source, error, stderr);
  }
}

async function foreignOf(saving: ReadonlyMap<string, Promise<SaverReading>>, waitMs: number): Promise<Foreign> {
  const done = new Map<string, SaverReading>();
  const all = Promise.all([...saving].map(async ([family, reading]) => done.set(family, await reading)));
  await isDoneBy(performance.now() + waitMs, all);
  const isShown = (family: string, table: string, chain?: string): boolean =>
    saving.has(family) && shows(done.get(family), table, chain);
  return { hasTable: isShown, hasChain: isShown };
}

/** Whether it is a set whose elements are still to be counted. */
function isUncounted({ kind, first }: Named): boolean {
  return kind === Kind.SET && first === undefined;
}

function isOfRule({ labels }: Named): boolean {
  return labels.rule !== undefined;
}
