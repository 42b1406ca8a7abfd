import type { GeoDatabases } from "../../geo/databases.ts";
import { type Family, gauge } from "../../page/family.ts";
import { type Collector, reloaded } from "../collector.ts";
import { databaseFamilies } from "../geo-databases.ts";
import { Listeners } from "./listeners.ts";
import type { NetworkSet } from "./network-set.ts";
import { RemoteCounts } from "./remote-counts.ts";
import { CONNECTED, LISTENING, type SocketSource } from "./tcp-socket.ts";

/** How often the sockets are read when they change too much meanwhile. */
const ATTEMPTS = 3;

/** This host's TCP connections by where their remote end is: geoip-exporter's family, and what it leaves out. */
export class ConnectionsCollector implements Collector {
  readonly name = "geoip";
  readonly #source: SocketSource;
  readonly #databases: GeoDatabases;
  readonly #excluded: NetworkSet;
  readonly #maxAsns: number;

  constructor(source: SocketSource, databases: GeoDatabases, excluded: NetworkSet, maxAsns: number) {
    this.#source = source;
    this.#databases = databases;
    this.#excluded = excluded;
    this.#maxAsns = maxAsns;
  }

  async collect(deadline: number): Promise<Family[]> {
    await reloaded(this.#databases.reload(), deadline);
    const counts = await this.#count(deadline);
    return [
      gauge("job_location", "Established TCP connections by country of the remote address.", counts.locations()),
      gauge(
        "promtap_tcp_connections",
        "TCP connections by state, direction, and country of the remote address, or what it is instead.",
        counts.byCountry(),
      ),
      ...(this.#databases.hasSystems ? this.#systems(counts) : []),
      gauge("promtap_tcp_source_info", "Where the TCP sockets are read.", [
        { labels: { source: this.#source.name }, value: 1 },
      ]),
      ...databaseFamilies(this.#databases),
    ];
  }

  async #count(deadline: number): Promise<RemoteCounts> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const listeners = new Listeners();
      const counts = new RemoteCounts(this.#databases, listeners, this.#excluded);
      const isWhole =
        (await this.#source.visit(LISTENING, deadline, (socket) => listeners.add(socket))) &&
        (await this.#source.visit(CONNECTED, deadline, (socket) => counts.count(socket)));
      if (isWhole) return counts;
    }
    throw new Error(`couldn't read the TCP sockets: too many changed during each of ${ATTEMPTS} attempts`);
  }

  #systems(counts: RemoteCounts): Family[] {
    return [
      gauge(
        "promtap_tcp_asn_connections",
        "TCP connections by state, direction, and AS of the remote address, or what it is instead.",
        counts.bySystem(this.#maxAsns),
      ),
      gauge("promtap_tcp_asns", "ASes that there are TCP connections to.", counts.systems),
      gauge("promtap_tcp_asns_limit", "ASes that may have series.", this.#maxAsns),
    ];
  }
}
