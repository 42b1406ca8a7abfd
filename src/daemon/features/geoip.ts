import type { Feature } from "../../collectors/collector.ts";
import { ConnectionsCollector } from "../../collectors/connections/connections.ts";
import { NetlinkSource } from "../../collectors/connections/netlink-source.ts";
import { NetworkSet } from "../../collectors/connections/network-set.ts";
import { ProcSource } from "../../collectors/connections/proc-source.ts";
import type { SocketSource } from "../../collectors/connections/tcp-socket.ts";
import type { Config } from "../../config/config.ts";
import { log } from "../../log.ts";
import { openDatabases } from "../databases.ts";
import type { FeatureKind } from "./feature.ts";

/** How long the first look at the sockets may take. */
const PROBE_MS = 5000;

/** TCP connections by country. */
export const geoipKind: FeatureKind = {
  async start(config: Config): Promise<Feature> {
    const databases = await openDatabases(config);
    const { source, refusal } = await openSource();
    if (refusal !== undefined) log.warn("refused", { reason: refusal });
    const { exclude, maxAsns } = config.geoip!;
    return {
      collectors: [new ConnectionsCollector(source, databases, new NetworkSet(exclude), maxAsns)],
      keeps: [],
      async [Symbol.asyncDispose]() {},
    };
  },

  async check(config: Config): Promise<string[]> {
    const databases = await openDatabases(config);
    const { source, refusal } = await openSource();
    return [
      `would count TCP connections by country, sockets from ${source.name}`,
      ...(refusal === undefined ? [] : [`refused: ${refusal}`]),
      ...databases.states().map(({ database: { name, type, buildEpoch } }) => {
        return `database: ${name}, ${type} of ${new Date(buildEpoch * 1000).toISOString().slice(0, 10)}`;
      }),
    ];
  },
};

async function openSource(): Promise<{ source: SocketSource; refusal?: string }> {
  const refusal = await NetlinkSource.probe(performance.now() + PROBE_MS);
  return refusal === undefined ? { source: new NetlinkSource() } : { source: new ProcSource(), refusal };
}
