import { Capture } from "../../capture/capture.ts";
import type { EngineKind } from "../../capture/engine.ts";
import { checkLinks } from "../../capture/pcap/check-links.ts";
import type { Filter } from "../../capture/pcap/filter.ts";
import { LiveFilter } from "../../capture/pcap/live-filter.ts";
import { pcapKindOf } from "../../capture/pcap/pcap-engine.ts";
import { selectEngine } from "../../capture/select.ts";
import { effectiveCapabilities, listCapabilities } from "../../native/capabilities.ts";
import type { CheckHost, Feature, FeatureHost, KeptWriter } from "../feature.ts";
import { TALLY_SECTION, writeTally } from "./kept-tally.ts";
import type { WialonMonitor } from "./monitor.ts";
import type { WialonConfig } from "./section.ts";
import { seriesLists } from "./series-list.ts";
import { SteadyClock } from "./steady-clock.ts";
import type { Tally } from "./tally.ts";
import { WialonCollector } from "./wialon.ts";

/** How often streams are looked through for silent ones when no packet comes. */
const AGING_MS = 30_000;

/** Captures on the interfaces that are asked for, until it is disposed of. */
export async function startLive(
  { interfaces: asked }: WialonConfig,
  filter: Filter,
  host: FeatureHost,
  tally: Tally,
  monitor: WialonMonitor,
): Promise<Feature> {
  const clock = new SteadyClock();
  const { kind } = await selectEngine("auto", [liveKind(filter, clock)]);
  const interfaces = asked ?? host.interfaces;
  host.log.info("capturing Wialon IPS", { interfaces: interfaces.join(","), filter: filter.expression });
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
  const keep: KeptWriter = (nextTurn) => {
    capture.sync();
    return writeTally(tally, source, nextTurn);
  };
  return {
    collectors: [new WialonCollector(source, tally)],
    lists: seriesLists(tally, () => source.sync()),
    limits: () => tally.limits(),
    kept: new Map([[TALLY_SECTION, keep]]),
    keeps: kind.keeps,
    started: () => capture.started(),
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await capture[Symbol.asyncDispose]();
    },
  };
}

function liveKind(filter: Filter, clock: SteadyClock): EngineKind<WialonMonitor> {
  return pcapKindOf(filter, (monitor, packet, bytes, end, atSeconds) =>
    monitor.take(packet, bytes, end, clock.timeOf(atSeconds)),
  );
}

/** What `startLive` would do, and needs for it. */
export async function checkLive(
  { interfaces: asked }: WialonConfig,
  filter: Filter,
  host: CheckHost,
): Promise<string[]> {
  const { kind } = await selectEngine("auto", [liveKind(filter, new SteadyClock())]);
  const interfaces = asked ?? host.interfaces;
  return [
    ...checkLinks("read Wialon IPS on", interfaces, new LiveFilter(filter)),
    `capabilities needed for Wialon IPS: ${listCapabilities(kind.needs)}`,
    `capabilities here: ${listCapabilities(effectiveCapabilities())}`,
  ];
}
