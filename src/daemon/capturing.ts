import { bpfKind, tcxKind } from "../capture/bpf/bpf-engine.ts";
import { Capture, type CaptureListener, isFullName } from "../capture/capture.ts";
import { type EngineKind, EngineName } from "../capture/engine.ts";
import { pcapKind } from "../capture/pcap/pcap-engine.ts";
import { ringKind } from "../capture/ring/ring-engine.ts";
import { selectEngine } from "../capture/select.ts";
import type { TrafficSource } from "../collectors/traffic.ts";
import { type Config, WIRE_SIZE_ENGINES } from "../config/config.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { log } from "../log.ts";
import type { CapabilityName } from "../native/capabilities.ts";

/** What stands in for live capture while a file is read. */
const FILE_SOURCE: Source = { engine: EngineName.SAVEFILE, keeps: [], sync() {}, taps: () => [] };
/** Where no traffic is counted at all. */
const NO_SOURCE: Source = { engine: "none", keeps: [], sync() {}, taps: () => [] };

/** Where the traffic comes from, and what it takes. */
export interface Source extends TrafficSource {
  /** Capabilities that are needed as long as it runs. */
  readonly keeps: readonly CapabilityName[];
}

/** Whether traffic is counted, live or from a file. */
export function isCounted(config: Config): boolean {
  return config.readPath !== null || config.interfaces.length > 0;
}

/** Starts to count the traffic that the config asks for. Throws PromtapError. */
export function startSource(config: Config, ledger: Ledger, parts: AsyncDisposableStack): Source {
  if (config.readPath !== null) return FILE_SOURCE;
  return isCounted(config) ? parts.use(startCapture(config, ledger)) : NO_SOURCE;
}

function startCapture(config: Config, ledger: Ledger): Source & AsyncDisposable {
  const { kind, refusals } = selectEngine(config.engine, engineKinds(config, ledger));
  for (const refusal of refusals) log.warn("refused", { reason: refusal });
  log.info("capturing", { engine: kind.name, interfaces: config.interfaces.join(",") });
  const capture = new Capture(kind, config.interfaces, ledger, logInterface);
  return {
    engine: kind.name,
    keeps: kind.keeps,
    sync: () => capture.sync(),
    taps: () => capture.taps(),
    [Symbol.asyncDispose]: () => capture[Symbol.asyncDispose](),
  };
}

/** Best first; tcx only where it is asked for, because it sits in the way of the traffic. */
export function engineKinds(config: Config, { ranges, zonings }: Ledger): EngineKind[] {
  const { maxAddresses, wireSizes } = config;
  const kernel = { ranges, zonings, maxAddresses, wireSizes, isFixed: config.interfaces.every(isFullName) };
  const kinds = [bpfKind(kernel), ringKind(wireSizes), pcapKind(config.filter)];
  if (config.engine === EngineName.TCX) kinds.push(tcxKind(kernel));
  return wireSizes ? kinds.filter(({ name }) => WIRE_SIZE_ENGINES.includes(name)) : kinds;
}

const logInterface: CaptureListener = (name, isOpen, error) => {
  if (error !== undefined) log.error("couldn't capture", { interface: name, error });
  else log.info(isOpen ? "capture started" : "capture stopped", { interface: name });
};
