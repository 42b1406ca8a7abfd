import { FileFilter } from "../../capture/pcap/file-filter.ts";
import type { Filter } from "../../capture/pcap/filter.ts";
import { LiveFilter } from "../../capture/pcap/live-filter.ts";
import type { Feature, FeatureKind } from "../feature.ts";
import { WialonFileReader } from "./file-reader.ts";
import { readTally, TALLY_SECTION } from "./kept-tally.ts";
import { checkLive, startLive } from "./live.ts";
import { WialonMonitor } from "./monitor.ts";
import { type WialonConfig, wialonSection } from "./section.ts";
import { seriesLists } from "./series-list.ts";
import { Tally } from "./tally.ts";
import { WialonCollector } from "./wialon.ts";

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
    const make = (): Tally => new Tally(config.maxStreams, config.hasDevices);
    const tally = (await host.resume(TALLY_SECTION, (reader) => readTally(reader, make()))) ?? make();
    const monitor = new WialonMonitor(tally);
    return host.readPath === null
      ? startLive(config, filterOf(config), host, tally, monitor)
      : readFile(config, tally, monitor);
  },

  async check(config, host) {
    if (host.readPath !== null) return [`would read Wialon IPS in frames that match ${config.filter}`];
    return checkLive(config, filterOf(config), host);
  },
};

function readFile(config: WialonConfig, tally: Tally, monitor: WialonMonitor): Feature {
  const reader = new WialonFileReader(monitor, new FileFilter(filterOf(config), true));
  const source = { sync: () => reader.now, clockOffset: () => 0, taps: () => [] };
  return {
    collectors: [new WialonCollector(source, tally)],
    lists: seriesLists(tally, () => source.sync()),
    limits: () => tally.limits(),
    keeps: [],
    reader,
    async [Symbol.asyncDispose]() {},
  };
}

function filterOf({ filter }: WialonConfig): Filter {
  return { flag: "wialon-filter", expression: filter };
}
