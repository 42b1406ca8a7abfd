import { ConnectionsCollector } from "./connections.ts";
import { NetlinkSource } from "./netlink-source.ts";
import { NetworkSet } from "./network-set.ts";
import { ProcSource } from "./proc-source.ts";
import type { SocketSource } from "./tcp-socket.ts";
import type { FeatureKind } from "../feature.ts";
import { type GeoipConfig, geoipSection } from "./section.ts";

/** Time for the first look at the sockets. */
const PROBE_MS = 5000;

/** TCP connections by country. */
export const geoipFeature: FeatureKind<GeoipConfig> = {
  section: geoipSection,
  standsAlone: "geoip",

  warnings: ({ ignoresInterval }) =>
    ignoresInterval ? ["--interval has no effect: connections are read whenever the page is asked for"] : [],

  async start({ exclude, maxAsns }, host) {
    const databases = await host.databases();
    const { source, refusal } = await openSource();
    if (refusal !== undefined) host.log.warn("refused", { reason: refusal });
    return {
      collectors: [new ConnectionsCollector(source, databases, new NetworkSet(exclude), maxAsns)],
      keeps: [],
      tellsKernelCounts: true,
      async [Symbol.asyncDispose]() {},
    };
  },

  async check(_config, host) {
    const databases = await host.databases();
    const { source, refusal } = await openSource();
    return [
      `would count TCP connections by country, sockets from ${source.name}`,
      ...(refusal === undefined ? [] : [`refused: ${refusal}`]),
      ...databases.states().map(({ database: { name, type, buildEpoch } }) => {
        const built = type === "" ? "built" : `${type} of`;
        return `database: ${name}, ${built} ${new Date(buildEpoch * 1000).toISOString().slice(0, 10)}`;
      }),
    ];
  },
};

async function openSource(): Promise<{ source: SocketSource; refusal?: string }> {
  const refusal = await NetlinkSource.probe(performance.now() + PROBE_MS);
  return refusal === undefined ? { source: new NetlinkSource() } : { source: new ProcSource(), refusal };
}
