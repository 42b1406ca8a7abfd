import { bpfKind, tcxKind } from "../capture/bpf/bpf-engine.ts";
import { Capture, type CaptureListener } from "../capture/capture.ts";
import { type EngineKind, EngineName } from "../capture/engine.ts";
import { type Link, Links } from "../capture/links.ts";
import { Promiscuity } from "../capture/packet-socket.ts";
import { pcapKind } from "../capture/pcap/pcap-engine.ts";
import { ringKind } from "../capture/ring/ring-engine.ts";
import { selectEngine } from "../capture/select.ts";
import { InterfacePatterns } from "../capture/interface-patterns.ts";
import { interfacesOf } from "../capture/wanted.ts";
import type { Reports } from "../collectors/feature.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import { type ENGINES, WIRE_SIZE_ENGINES } from "../config/capture.ts";
import type { FurtherCounts } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { RangeTable } from "../ledger/ranges.ts";
import { log } from "../log.ts";
import type { CapabilityName } from "../native/capabilities.ts";
import { requireLibc } from "../native/libc.ts";
import { inlineDeeply } from "../native/process.ts";
import { type Config, mayChange } from "./config.ts";
import { Looks } from "../collectors/looks.ts";
import type { Parts } from "./parts.ts";

/** Those that have the kernel count: no packet comes here. */
const COUNTING_ENGINES: readonly EngineName[] = [EngineName.BPF, EngineName.TCX];
/** Stands in for live capture while a file is read. */
const FILE_TRAFFIC: CapturedTraffic = {
  engine: EngineName.SAVEFILE,
  refusals: [],
  keeps: [],
  async started() {},
  sync() {},
  syncTotals: () => [],
  beat() {},
  taps: () => [],
  want() {},
  async makeRoom() {},
  async rerange() {},
};
/** When no traffic is counted at all. */
const NO_TRAFFIC: CapturedTraffic = { ...FILE_TRAFFIC, engine: "none" };

/** Stands in for live capture while traffic is counted that others report. */
export class ReportedTraffic implements CapturedTraffic, Reports {
  readonly engine = NO_TRAFFIC.engine;
  readonly refusals = [];
  readonly keeps = [];
  readonly ledger: Ledger;
  readonly #syncs = new Set<() => void>();
  readonly #looks: Looks;

  constructor(ledger: Ledger) {
    this.ledger = ledger;
    this.#looks = new Looks(ledger);
  }

  onSync(sync: () => void): Disposable {
    this.#syncs.add(sync);
    return { [Symbol.dispose]: () => void this.#syncs.delete(sync) };
  }

  async started(): Promise<void> {}

  sync(): void {
    this.beat();
    void this.#looks.start();
  }

  beat(): void {
    for (const sync of this.#syncs) sync();
  }

  syncTotals(): [] {
    this.beat();
    return [];
  }

  taps(): [] {
    return [];
  }

  want(): void {}

  async makeRoom(): Promise<void> {}

  async rerange(ranges: RangeTable, maxAddresses: number): Promise<void> {
    this.ledger.rerange(ranges, maxAddresses);
  }
}

/** Where the traffic comes from, and what it takes. */
export interface CapturedTraffic extends TrafficSource {
  /** Why better engines were refused, a line each. */
  readonly refusals: readonly string[];
  /** Capabilities that are needed as long as it runs. */
  readonly keeps: readonly CapabilityName[];
  /** Resolves when all interfaces present at the start have been tried. */
  started(): Promise<void>;
  /** Has every engine show that it goes on: brings the ledger up to date, and does nothing besides. */
  beat(): void;
  /** Captures other interfaces from now on. Throws PromtapError, and changes nothing, if one is not there. */
  want(interfaces: readonly string[]): void;
  /**
   * Has frames to other MAC addresses counted, or not, from now on. Throws PromtapError, likewise. Undefined if the engine
   * can't.
   */
  readonly turnPromiscuous?: (isOn: boolean) => Promise<void>;
  /** Has what the kernel counts with made again, with room for all that there is now. Throws PromtapError, likewise. */
  makeRoom(): Promise<void>;
  /**
   * Counts in these ways besides by address from now on. Throws PromtapError, and goes on as before. Undefined if that
   * needs a restart.
   */
  readonly countFurther?: (further: FurtherCounts) => Promise<void>;
  /** Whether packets come with their VLAN. */
  readonly tellsVlans?: boolean;
  /** Counts by other ranges from now on. Throws PromtapError, and goes on by those before. */
  rerange(ranges: RangeTable, maxAddresses: number): Promise<void>;
}

/** Starts counting the traffic that the config asks for. Throws PromtapError. */
export async function startTraffic(config: Config, ledger: Ledger, parts: Parts): Promise<CapturedTraffic> {
  if (config.isCounted && config.readPath === null) return parts.use("capture", await startCapture(config, ledger));
  inlineDeeply();
  if (config.readPath !== null) {
    ledger.lookByNewcomers();
    return FILE_TRAFFIC;
  }
  return ledger.zonings.length === 0 && ledger.accounts === undefined ? NO_TRAFFIC : new ReportedTraffic(ledger);
}

async function startCapture(config: Config, ledger: Ledger): Promise<CapturedTraffic & AsyncDisposable> {
  requireLibc();
  const promiscuity = new Promiscuity(config.isPromiscuous);
  const { kind, refusals } = await selectEngine(
    config.engine,
    engineKinds(config, ledger, promiscuity),
    presentLinks(config).length,
  );
  let current = kind;
  const renew = async (next: EngineKind | undefined, adopt: () => void): Promise<void> => {
    await capture.rerange(next, adopt);
    current = next ?? current;
  };
  if (!COUNTING_ENGINES.includes(kind.name)) inlineDeeply();
  for (const refusal of refusals) log.warn("refused", { reason: refusal });
  log.info("capturing", { engine: kind.name, interfaces: config.interfaces.join(",") });
  const capture = await Capture.start(kind, config.interfaces, ledger, captureLog(""));
  const looks = new Looks(ledger);
  return {
    engine: kind.name,
    refusals,
    keeps: kind.keeps,
    started: () => capture.started(),
    sync() {
      capture.sync();
      void looks.start();
    },
    syncTotals: () => capture.syncTotals(),
    beat: () => capture.sync(),
    taps: () => capture.taps(),
    want: (interfaces) => capture.want(interfaces),
    ...(kind.name !== EngineName.TCX && { turnPromiscuous: (isOn: boolean) => promiscuity.turn(isOn) }),
    makeRoom: async () => renew(current.roomier?.(ledger), () => {}),
    tellsVlans: kind.name !== EngineName.RING || tellsVlans(config),
    countFurther: async (further) => renew(current.roomier?.(further), () => ledger.countFurther(further)),
    rerange: async (ranges, max) => renew(current.reranged?.(ranges, max), () => ledger.rerange(ranges, max)),
    [Symbol.asyncDispose]: () => capture[Symbol.asyncDispose](),
  };
}

/** The interfaces there are now that would be captured. Throws PromtapError if one that is named in full is not. */
export function presentLinks({ interfaces }: Config): Link[] {
  using links = Links.open();
  return interfacesOf(new InterfacePatterns(interfaces), links.all());
}

type LiveEngine = Exclude<(typeof ENGINES)[number], "auto">;

/** What `auto` tries, best first; tcx only if it is asked for, because it sits in the way of the traffic. */
const AUTOMATIC: readonly LiveEngine[] = [EngineName.BPF, EngineName.RING, EngineName.PCAP];

/** The engines that may be chosen, best first. */
export function engineKinds(config: Config, ledger: Ledger, promiscuity?: Promiscuity): EngineKind[] {
  const { ranges, zonings, accounts } = ledger;
  const { engine, maxAddresses, wireSizes, opensTunnels, customersBy } = config;
  const kernel = {
    ranges,
    zonings,
    accounts,
    siblings: customersBy === null && ledger.vlans === undefined ? 1 : presentLinks(config).length,
    maxAddresses,
    wireSizes,
    opensTunnels,
    maxVlans: ledger.vlans?.limit,
    knownVlans: { ofAddresses: () => ledger.knownVlans(), ofAccounts: () => ledger.knownVlansOfAccounts() },
    promiscuity,
    isFixed: isFixed(config),
  };
  const kinds: Record<LiveEngine, () => EngineKind> = {
    bpf: () => bpfKind(kernel),
    tcx: () => tcxKind(kernel),
    ring: () => ringKind({ wireSizes, promiscuity, opensTunnels, tellsVlans: tellsVlans(config) }),
    pcap: () => pcapKind(config.filter, opensTunnels),
  };
  if (engine !== "auto") return [kinds[engine]()];
  const able = AUTOMATIC.filter((name) => !wireSizes || WIRE_SIZE_ENGINES.some((each) => each === name));
  return able.map((name) => kinds[name]());
}

/** Whether anything is told apart by VLAN. */
function tellsVlans({ by, customersBy }: Config): boolean {
  return by?.maxVlans !== undefined || customersBy?.maxVlans !== undefined;
}

/** Whether no other interface can be wanted later; one can take over what is another's further name. */
function isFixed(config: Config): boolean {
  const patterns = new InterfacePatterns(config.interfaces);
  if (!patterns.isFixed || mayChange(config)) return false;
  const firstNames = presentLinks(config).map(({ name }) => ({ name, altNames: [] }));
  return patterns.missing(firstNames).length === 0;
}

/** Most names on a line of the log. */
const LOGGED_NAMES = 5;

/** As many names as fit a line of the log, and how many more there are. */
function listed(names: readonly string[]): string {
  const some = names.slice(0, LOGGED_NAMES).join(", ");
  return names.length > LOGGED_NAMES ? `${some} and ${names.length - LOGGED_NAMES} more` : some;
}

/** Logs what becomes of interfaces. `what` is captured: "" for the traffic, else such as " of Wialon IPS". */
export function captureLog(what: string): CaptureListener {
  return {
    opened: (name) => log.info(`capture${what} started`, { interface: name }),
    idle(patterns) {
      for (const pattern of patterns) log.warn(`capture${what} waits: no interface has such a name yet`, { pattern });
    },
    closed: (name) => log.info(`capture${what} stopped`, { interface: name }),
    renamed: (before, name) => log.info(`capture${what} goes on`, { interface: name, before }),
    failed(names, reason) {
      log.error(`capture${what} failed`, { interface: listed(names), error: reason });
    },
    overlapped(names) {
      const hint = 'their packets count on another interface too; sum over promtap_interface_info{edge="true"}';
      log.warn(`capture${what} overlaps`, { interface: listed(names), hint });
    },
  };
}
