import { Capture } from "../../capture/capture.ts";
import type { Engine, EngineKind } from "../../capture/engine.ts";
import { Links } from "../../capture/links.ts";
import { FileFilter } from "../../capture/pcap/file-filter.ts";
import { pcapKindOf } from "../../capture/pcap/pcap-engine.ts";
import { checkFilter, type Filter, openPcapTap } from "../../capture/pcap/pcap-tap.ts";
import { selectEngine } from "../../capture/select.ts";
import { interfacesOf } from "../../capture/wanted.ts";
import { WialonFileTap } from "./file-tap.ts";
import { WialonMonitor } from "./monitor.ts";
import { Tally } from "./tally.ts";
import { WialonCollector } from "./wialon.ts";
import { effectiveCapabilities, listCapabilities } from "../../native/capabilities.ts";
import { Packet } from "../../packet/packet.ts";
import { parseFrame } from "../../packet/parse.ts";
import type { CheckHost, Feature, FeatureHost, FeatureKind } from "../feature.ts";
import { type WialonConfig, wialonSection } from "./section.ts";

/** How often streams are looked through for silent ones where no packet comes. */
const AGING_MS = 30_000;

/** Wialon IPS, live or from the file that is read. */
export const wialonFeature: FeatureKind<WialonConfig> = {
  section: wialonSection,
  standsAlone: "wialon",

  async start(config, host) {
    const tally = new Tally(config.maxStreams, config.hasDevices);
    const monitor = new WialonMonitor(tally, Math.floor(Math.random() * 2 ** 31));
    return host.readPath === null ? startLive(config, host, tally, monitor) : readFile(config, tally, monitor);
  },

  async check(config, host) {
    const filter = filterOf(config);
    if (host.readPath !== null) {
      void new FileFilter(filter);
      return [`would read Wialon IPS in frames that match ${filter.expression}`];
    }
    return checkLive(config, filter, host);
  },
};

function readFile(config: WialonConfig, tally: Tally, monitor: WialonMonitor): Feature {
  const tap = new WialonFileTap(monitor, new FileFilter(filterOf(config)));
  const source = { sync: () => tap.now, clockOffset: () => 0, taps: () => [] };
  return {
    collectors: [new WialonCollector(source, tally)],
    keeps: [],
    tap,
    async [Symbol.asyncDispose]() {},
  };
}

async function startLive(
  config: WialonConfig,
  host: FeatureHost,
  tally: Tally,
  monitor: WialonMonitor,
): Promise<Feature> {
  const { kind } = await selectEngine("auto", [liveKind(config, monitor)]);
  const interfaces = config.interfaces ?? host.interfaces;
  host.log.info("capturing Wialon IPS", { interfaces: interfaces.join(","), filter: config.filter });
  const sinks = { interface: () => monitor, forget() {} };
  const capture = await Capture.start(kind, interfaces, sinks, host.captureListener(" of Wialon IPS"));
  const timer = setInterval(() => monitor.age(secondsNow()), AGING_MS);
  const source = {
    sync(): number {
      capture.sync();
      return secondsNow();
    },
    clockOffset: () => Math.round(Date.now() / 1000 - secondsNow()),
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

function liveKind(config: WialonConfig, monitor: WialonMonitor): EngineKind<WialonMonitor> {
  return pcapKindOf((interfaceName) => openMonitor(interfaceName, filterOf(config), monitor));
}

function openMonitor(interfaceName: string, filter: Filter, monitor: WialonMonitor): Engine<WialonMonitor> {
  const packet = new Packet();
  return openPcapTap(interfaceName, filter, (linkType, bytes, capturedBytes) => {
    parseFrame(packet, linkType, bytes, 0, capturedBytes, capturedBytes);
    monitor.take(packet, bytes, capturedBytes, secondsNow());
  });
}

/** In seconds since 1970 by the clock that the host had at the start, and never set back. */
function secondsNow(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}

function filterOf({ filter }: WialonConfig): Filter {
  return { flag: "wialon-filter", expression: filter };
}

async function checkLive(config: WialonConfig, filter: Filter, host: CheckHost): Promise<string[]> {
  const { kind } = await selectEngine("auto", [liveKind(config, new WialonMonitor(new Tally(1, false), 0))]);
  using links = Links.open();
  const interfaces = config.interfaces ?? host.interfaces;
  const captured = interfacesOf(interfaces, links.all());
  for (const link of captured) if (link.isUp) checkFilter(link.name, filter);
  const names = captured.map(({ name }) => name).join(", ");
  return [
    `would read Wialon IPS on ${names || `nothing yet (waiting for ${interfaces.join(", ")})`}`,
    `capabilities needed for Wialon IPS: ${listCapabilities(kind.needs)}`,
    `capabilities here: ${listCapabilities(effectiveCapabilities())}`,
  ];
}
