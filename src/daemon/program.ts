import { isDeepStrictEqual } from "node:util";
import { openSavefile, type Savefile } from "../capture/savefile/savefile.ts";
import { areComplete, type Collector, CollectorSet } from "../collectors/collector.ts";
import type { FeatureHost } from "../collectors/feature.ts";
import { Accounting } from "../collectors/produce/accounting.ts";
import { SelfCollector, type Surroundings } from "../collectors/self.ts";
import type { CountedList, Limit } from "../collectors/status.ts";
import { StateCollector } from "../collectors/state.ts";
import { TrafficCollector } from "../collectors/traffic.ts";
import { messageOf } from "../errors.ts";
import type { DatabaseState } from "../geo/databases.ts";
import type { Selection } from "../http/site.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type Range, RangeTable } from "../ledger/ranges.ts";
import { configureLog, log } from "../log.ts";
import type { CapabilityName } from "../native/capabilities.ts";
import { namedFamilies } from "../page/named-families.ts";
import { type CreatedTimes, withCreated } from "../page/created-lines.ts";
import { Format } from "../page/negotiation.ts";
import { makePage } from "../page/page.ts";
import { disguised } from "../personalities/guise.ts";
import type { ByteReader } from "../state/byte-reader.ts";
import { keepTraffic, resumeTraffic } from "../state/kept-traffic.ts";
import { StateKeeper, statePath } from "../state/state-keeper.ts";
import { type CapturedTraffic, captureLog, ReportedTraffic, startTraffic } from "./capturing.ts";
import type { Config } from "./config.ts";
import {
  type CountedCustomers,
  type CountingTraffic,
  customerWarnings,
  databasesFor,
  type ListsTakeover,
  loadCustomers,
  rangesOf,
  startCustomers,
} from "./customers.ts";
import { judgeFeatures, startedBeside, type Started, startFeatures, succeedFeatures } from "./features.ts";
import type { Parts } from "./parts.ts";
import type { FileCounters } from "./reading.ts";
import { fixedChanges, withFixed } from "./reloads.ts";
import { warningsOf } from "./warnings.ts";
import { createdTimes } from "./web/created-times.ts";
import { SharedDatabases, startZones, type Zones } from "./zones.ts";

const EVERYTHING: Selection = { collect: [], exclude: [], names: [] };

/** What counts, and what makes pages of it. */
export class Program {
  readonly traffic: CapturedTraffic;
  readonly file: Savefile | undefined;
  #config: Config;
  #features: readonly Started[];
  readonly #ledger: Ledger;
  readonly #zones: Zones;
  readonly #databases: SharedDatabases;
  readonly #current: Current;
  readonly #host: FeatureHost;
  readonly #parts: Parts;
  readonly #keeper: StateKeeper | undefined;
  readonly #collectors: CollectorSet;
  /** Those that no feature brings: of the traffic, of customers, and of the process. */
  readonly #counting: readonly Collector[];
  #ofCustomers: readonly Collector[];
  readonly #own: readonly Collector[];

  private constructor(config: Config, signal: AbortSignal, parts: Parts, made: Made, surroundings: Surroundings) {
    const { ledger, zones, current, databases, traffic, host, features, keeper } = made;
    this.traffic = traffic;
    this.file = config.readPath === null ? undefined : parts.use("file", openSavefile(config.readPath, signal));
    this.#config = config;
    this.#features = features;
    this.#ledger = ledger;
    this.#zones = zones;
    this.#databases = databases;
    this.#current = current;
    this.#host = host;
    this.#parts = parts;
    this.#keeper = keeper;
    this.#counting = [
      ...(config.isCounted ? [new TrafficCollector(traffic, ledger)] : []),
      ...zones.collectors(traffic, ledger),
    ];
    this.#ofCustomers = current.customers.collectors(traffic, ledger);
    const keeping = keeper === undefined ? [] : [new StateCollector(keeper)];
    const self = new SelfCollector({ ...surroundings, hidesProcess: () => this.#config.hidesProcess });
    this.#own = [self, ...keeping];
    // Nobody waits for the rest of a page that is printed.
    this.#collectors = new CollectorSet(this.#all(), config.once ? 1 : config.collectorShare, logCollector);
  }

  /** Builds what the config asks for, in `parts`. Throws PromtapError. */
  static async start(
    config: Config,
    signal: AbortSignal,
    parts: Parts,
    surroundings: Surroundings = {},
  ): Promise<Program> {
    judgeFeatures(config.features, config);
    const databases = new SharedDatabases(config.geoDatabases);
    const loaded = await loadCustomers(config);
    const ranges = new RangeTable(rangesOf(config, loaded));
    const zones = await startZones(config, ranges.ranges, databases.open, parts);
    for (const warning of [...warningsOf(config, ranges), ...customerWarnings(loaded)]) log.warn(warning);
    const customers = await startCustomers(config, loaded, databases.open);
    const ledger = new Ledger(ranges, config.maxAddresses, [...zones.zonings, ...customers.zonings], {
      ...config,
      accounts: customers.accounts,
      maxVlans: config.by?.maxVlans,
    });
    const keeper = await openState(config, ledger, parts);
    const accounting = new Accounting();
    if (config.features.produce !== null && config.isCounted) accounting.begin(ledger);
    const traffic = await startTraffic(config, ledger, parts);
    const current: Current = { customers };
    const host = {
      ...config,
      log,
      signal,
      ledger,
      source: traffic,
      customers: () => current.customers.series,
      accounting,
      reports: traffic instanceof ReportedTraffic ? traffic : undefined,
      databases: databases.open,
      captureListener: captureLog,
      resume: async <T>(section: string, read: (reader: ByteReader) => T) => keeper?.resume(section, read),
    };
    const features = await startFeatures(config.features, host);
    for (const { name, feature } of features) parts.use(name, feature);
    if (keeper !== undefined && config.state !== null) {
      if (hasTraffic(config, ledger)) keepTraffic(keeper, ledger, traffic);
      keepFeatures(keeper, features);
      keeper.begin(config.state.intervalSeconds * 1000);
    }
    const made = { ledger, zones, current, databases, traffic, host, features, keeper };
    return new Program(config, signal, parts, made, surroundings);
  }

  /** Resolves when all is counted that is counted at first. */
  async started(): Promise<void> {
    const features = this.#features.map(({ feature }) => feature);
    await Promise.all([this.traffic, ...features].map(async (part) => part.started?.()));
  }

  get counters(): FileCounters {
    return { ledger: this.#ledger, readers: this.#features.flatMap(({ feature }) => feature.reader ?? []) };
  }

  /** Capabilities that are needed as long as it runs. */
  get keeps(): CapabilityName[] {
    return [this.traffic, ...this.#features.map(({ feature }) => feature)].flatMap(({ keeps }) => keeps);
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  /** Whether traffic is counted. */
  get isCounted(): boolean {
    return this.#config.isCounted;
  }

  /** What features count, by lists. */
  lists(): CountedList[] {
    return this.#features.flatMap(({ feature }) => feature.lists ?? []);
  }

  /** Bounds of what features count. */
  limits(): Limit[] {
    return this.#features.flatMap(({ feature }) => feature.limits?.() ?? []);
  }

  /** The databases of addresses in use, if there are any. */
  databases(): DatabaseState[] {
    return this.#databases.opened?.states() ?? [];
  }

  /** How collectors did when they were last asked. */
  collectorStates(): ReturnType<CollectorSet["states"]> {
    return this.#collectors.states();
  }

  page(format: Format, timeoutMs: number, selection: Selection = EVERYTHING): AsyncGenerator<Uint8Array> {
    const chosen = this.#collectors.chosen(selection.collect, selection.exclude);
    return this.#makePage(chosen, format, timeoutMs, selection.names);
  }

  /**
   * Goes on by another config: what both ask for goes on as it is. Returns the flags of what waits for a restart. Throws
   * PromtapError, and goes on by the one before.
   */
  async apply(config: Config): Promise<string[]> {
    const before = this.#config;
    const next = withFixed(before, config, this.#freeKeys(config));
    judgeFeatures(next.features, next);
    const loaded = await loadCustomers(next);
    const ranges = rangesOf(next, loaded);
    for (const warning of customerWarnings(loaded)) log.warn(warning);
    await using undoing = new AsyncDisposableStack();
    undoing.defer(this.#databases.use(next.geoDatabases));
    const useLists = async (): Promise<ListsTakeover> => {
      const lists = await this.#current.customers.use(loaded, next, this.#countingTraffic());
      undoing.defer(() => lists.undo());
      return lists;
    };
    // What features count of customers is there when they are started, and others are not before those have been.
    const first = this.#current.customers.series === undefined ? await useLists() : undefined;
    const customers = () => first?.customers.series ?? this.#current.customers.series;
    const host = { ...this.#host, interfaces: next.interfaces, customers };
    const succession = await succeedFeatures(next.features, host, this.#features);
    const { features } = succession;
    const added = startedBeside(this.#features, features);
    undoing.defer(async () => {
      succession.undo();
      await Promise.allSettled(added.map(({ feature }) => feature[Symbol.asyncDispose]()));
    });
    const lists = first ?? (await useLists());
    if (before.isPromiscuous !== next.isPromiscuous) {
      await this.traffic.turnPromiscuous?.(next.isPromiscuous);
      undoing.defer(() => this.traffic.turnPromiscuous?.(before.isPromiscuous));
    }
    await this.#recount(before, next, ranges);
    undoing.move();
    lists.commit();
    succession.commit();
    if (lists === first) this.#haveCustomers(lists.customers);
    const ended = startedBeside(features, this.#features);
    for (const { name, feature } of added) this.#parts.use(name, feature);
    this.#features = features;
    if (this.#keeper !== undefined) keepFeatures(this.#keeper, features);
    this.#collectors.use(this.#all());
    this.#collectors.share = next.collectorShare;
    this.#config = next;
    configureLog(next.logLevel, next.logFormat);
    await Promise.all(ended.map((each) => this.#end(each)));
    return [...fixedChanges(next, config), ...lists.waiting];
  }

  /** What is fixed otherwise, and goes by another config because nothing goes by it yet, or the engine can. */
  #freeKeys(config: Config): (keyof Config)[] {
    return [
      ...(this.traffic.turnPromiscuous === undefined ? [] : (["isPromiscuous"] as const)),
      ...this.#unusedKeys(config),
    ];
  }

  #unusedKeys(config: Config): (keyof Config)[] {
    const { countFurther, tellsVlans } = this.traffic;
    const ofDatabases = this.#databases.opened === undefined ? (["geoDatabases"] as const) : [];
    if (this.#current.customers.series !== undefined || countFurther === undefined) return [...ofDatabases];
    const isUseful =
      databasesFor(config).length === 0 ||
      ofDatabases.length > 0 ||
      isDeepStrictEqual(this.#config.geoDatabases, config.geoDatabases);
    const isSeen = tellsVlans === true || config.customersBy?.maxVlans === undefined;
    return isUseful && isSeen ? [...ofDatabases, "customersBy"] : [...ofDatabases];
  }

  #haveCustomers(customers: CountedCustomers): void {
    this.#current.customers = customers;
    this.#ofCustomers = customers.collectors(this.traffic, this.#ledger);
  }

  #countingTraffic(): CountingTraffic {
    const { countFurther } = this.traffic;
    const ofZones = this.#zones.zonings;
    return {
      makeRoom: () => this.traffic.makeRoom(),
      count: countFurther && (({ zonings, accounts }) => countFurther({ zonings: [...ofZones, ...zonings], accounts })),
    };
  }

  async *#makePage(
    collectors: readonly Collector[],
    format: Format,
    timeoutMs: number,
    names: readonly string[],
  ): AsyncGenerator<Uint8Array> {
    const { guise } = this.#config;
    const families = await this.#collectors.collect(performance.now() + timeoutMs, collectors);
    const shown = guise === undefined ? families : disguised(families, guise);
    const known = this.#collectors
      .familiesOf(collectors)
      .filter(({ name }) => guise === undefined || Object.hasOwn(guise.families, name));
    const page = makePage(namedFamilies(shown, names, areComplete(families), known), format);
    if (format === Format.OPENMETRICS && this.#config.hasCreated) yield* withCreated(page, this.#createdTimes());
    else yield* page;
  }

  #createdTimes(): CreatedTimes {
    return createdTimes(this.#collectors, {
      traffic: [...this.#counting, ...this.#ofCustomers],
      own: this.#own,
      features: this.#features,
      keeper: this.#keeper,
    });
  }

  /** Has the traffic counted by other interfaces and ranges. */
  async #recount(before: Config, next: Config, ranges: readonly Range[]): Promise<void> {
    const { maxAddresses, interfaces } = next;
    const known = [this.#ledger.ranges.ranges, before.maxAddresses];
    const isCountedAlike = isDeepStrictEqual(known, [ranges, maxAddresses]);
    if (!isDeepStrictEqual(before.interfaces, interfaces)) this.traffic.want(interfaces);
    if (isCountedAlike) return;
    const table = new RangeTable(ranges);
    for (const warning of warningsOf(next, table)) log.warn(warning);
    try {
      await this.traffic.rerange(table, maxAddresses);
    } catch (error) {
      this.traffic.want(before.interfaces);
      throw error;
    }
    await this.#zones.rerange(ranges);
  }

  async #end({ name, feature }: Started): Promise<void> {
    try {
      await this.#parts.end(feature);
    } catch (error) {
      log.error("couldn't end", { part: name, error: messageOf(error) });
    }
  }

  #all(): Collector[] {
    return [
      ...this.#own,
      ...this.#counting,
      ...this.#ofCustomers,
      ...this.#features.flatMap(({ feature }) => feature.collectors),
    ];
  }
}

/** What a reload may put in the place of another. */
interface Current {
  customers: CountedCustomers;
}

/** What a program is made of. */
interface Made {
  readonly ledger: Ledger;
  readonly zones: Zones;
  readonly databases: SharedDatabases;
  readonly current: Current;
  readonly traffic: CapturedTraffic;
  readonly host: FeatureHost;
  readonly features: readonly Started[];
  readonly keeper: StateKeeper | undefined;
}

/** Goes on from what was kept of the run before; as a part that ends after what counts, so that all is kept. */
async function openState(config: Config, ledger: Ledger, parts: Parts): Promise<StateKeeper | undefined> {
  if (config.state === null) return undefined;
  const keeper = parts.use("state", await StateKeeper.open(statePath(config.state.path), log));
  if (hasTraffic(config, ledger)) await resumeTraffic(keeper, ledger, config.maxAddresses);
  return keeper;
}

/** Keeps what features count; of one that has ended, what it counted last. */
function keepFeatures(keeper: StateKeeper, features: readonly Started[]): void {
  for (const [name, writer] of features.flatMap(({ feature }) => [...(feature.kept ?? [])])) keeper.keep(name, writer);
}

/** Whether traffic is counted, seen here or reported by others. */
function hasTraffic({ isCounted }: Config, { zonings, accounts }: Ledger): boolean {
  return isCounted || zonings.length > 0 || accounts !== undefined;
}

function logCollector(collector: string, error: string | undefined): void {
  if (error === undefined) log.info("collector works again", { collector });
  else log.error("collector failed", { collector, error });
}
