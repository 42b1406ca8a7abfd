import { Capture } from "../../capture/capture.ts";
import type { EngineKind } from "../../capture/engine.ts";
import { checkLinks } from "../../capture/pcap/check-links.ts";
import { FileFilter } from "../../capture/pcap/file-filter.ts";
import type { Filter } from "../../capture/pcap/filter.ts";
import { LiveFilter } from "../../capture/pcap/live-filter.ts";
import { pcapKindOf } from "../../capture/pcap/pcap-engine.ts";
import { selectEngine } from "../../capture/select.ts";
import { WialonFileReader } from "./file-reader.ts";
import { WialonMonitor } from "./monitor.ts";
import { SteadyClock } from "./steady-clock.ts";
import { Tally } from "./tally.ts";
import { WialonCollector } from "./wialon.ts";
import { effectiveCapabilities, listCapabilities } from "../../native/capabilities.ts";
import type { CheckHost, Feature, FeatureHost, FeatureKind } from "../feature.ts";
import { type WialonConfig, wialonSection } from "./section.ts";

/** How often streams are looked through for silent ones when no packet comes. */
const AGING_MS = 30_000;

/** Wialon IPS, live or from the file that is read. */
export const wialonFeature: FeatureKind<WialonConfig> = {
  section: wialonSection,
  standsAlone: "wialon",
  follows: ["interfaces"],

  judge(config, { readPath }) {
    const filter = filterOf(config);
    if (readPath === null) new LiveFilter(filter).requireLegal();
    else void new FileFilter(filter);
  },

  async start(config, host) {
    const tally = new Tally(config.maxStreams, config.hasDevices);
    const monitor = new WialonMonitor(tally);
    return host.readPath === null ? startLive(config, host, tally, monitor) : readFile(config, tally, monitor);
  },

  async check(config, host) {
    if (host.readPath !== null) return [`would read Wialon IPS in frames that match ${config.filter}`];
    return checkLive(config, host);
  },
};

function readFile(config: WialonConfig, tally: Tally, monitor: WialonMonitor): Feature {
  const reader = new WialonFileReader(monitor, new FileFilter(filterOf(config), true));
  const source = { sync: () => reader.now, clockOffset: () => 0, taps: () => [] };
  return {
    collectors: [new WialonCollector(source, tally)],
    keeps: [],
    reader,
    async [Symbol.asyncDispose]() {},
  };
}

async function startLive(
  config: WialonConfig,
  host: FeatureHost,
  tally: Tally,
  monitor: WialonMonitor,
): Promise<Feature> {
  const clock = new SteadyClock();
  const { kind } = await selectEngine("auto", [liveKind(config, clock)]);
  const interfaces = config.interfaces ?? host.interfaces;
  host.log.info("capturing Wialon IPS", { interfaces: interfaces.join(","), filter: config.filter });
  const sinks = { interface: () => monitor, forget() {} };
  const capture = await Capture.start(kind, interfaces, sinks, host.captureListener(" of Wialon IPS"));
  const timer = setInterval(() => monitor.age(clock.now()), AGING_MS);
  const source = {
    sync(): number {
      capture.sync();
      return clock.now();
    },
    clockOffset: () => Math.round(Date.now() / 1000 - clock.now()),
    taps: () => capture.taps(),
  };
  return {
    collectors: [new WialonCollector(source, tally)],
    keeps: kind.keeps,
    started: () => capture.started(),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await capture[Symbol.asyncDispose]();
    },
  };
}

function liveKind(config: WialonConfig, clock: SteadyClock): EngineKind<WialonMonitor> {
  return pcapKindOf(filterOf(config), (monitor, packet, bytes, end, atSeconds) =>
    monitor.take(packet, bytes, end, clock.timeOf(atSeconds)),
  );
}

function filterOf({ filter }: WialonConfig): Filter {
  return { flag: "wialon-filter", expression: filter };
}

async function checkLive(config: WialonConfig, host: CheckHost): Promise<string[]> {
  const { kind } = await selectEngine("auto", [liveKind(config, new SteadyClock())]);
  const interfaces = config.interfaces ?? host.interfaces;
  return [
    ...checkLinks("read Wialon IPS on", interfaces, new LiveFilter(filterOf(config))),
    `capabilities needed for Wialon IPS: ${listCapabilities(kind.needs)}`,
    `capabilities here: ${listCapabilities(effectiveCapabilities())}`,
  ];
}
