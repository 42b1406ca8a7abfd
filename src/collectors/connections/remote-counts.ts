import { continentOf } from "../../geo/continents.ts";
import type { GeoDatabases } from "../../geo/databases.ts";
import type { AutonomousSystem, Country } from "../../geo/records.ts";
import type { Sample } from "../../page/family.ts";
import type { Listeners } from "./listeners.ts";
import type { NetworkSet } from "./network-set.ts";
import { specialName } from "./special.ts";
import { STATE_NAMES, TCP_ESTABLISHED, TCP_NEW_SYN_RECV, TCP_SYN_RECV, type TcpSocket } from "./tcp-socket.ts";

/** Of an end that the listed networks, or its kind, or no database place in a country. */
const EXCLUDED = "excluded";
const UNKNOWN = "unknown";
const LOOPBACK = "loopback";
const OTHER = "other";
const DIRECTIONS = ["out", "in"] as const;

/** Connections by state and direction. */
class Counts {
  readonly #counts = new Float64Array(STATE_NAMES.length * DIRECTIONS.length);

  add(state: number, direction: number): void {
    this.#counts[state * DIRECTIONS.length + direction]!++;
  }

  merge(other: Counts): void {
    for (const [index, count] of other.#counts.entries()) this.#counts[index]! += count;
  }

  inState(state: number): number {
    return this.#counts[state * 2]! + this.#counts[state * 2 + 1]!;
  }

  get total(): number {
    return this.#counts.reduce((sum, count) => sum + count, 0);
  }

  samples(labels: Record<string, string>): Sample[] {
    const all = [...this.#counts].map((value, index) => {
      const [state, direction] = [STATE_NAMES[index >> 1]!, DIRECTIONS[index & 1]!];
      return { labels: { state, direction, ...labels }, value };
    });
    return all.filter(({ value }) => value > 0);
  }
}

/** A country, or what stands for one. */
interface Place {
  readonly name: string;
  readonly continent: string;
  readonly isCountry: boolean;
  readonly counts: Counts;
}

/** An AS, or what stands for one. */
interface Network {
  readonly name: string;
  readonly counts: Counts;
}

/** Connections of one scrape by where their remote end is. */
export class RemoteCounts {
  readonly #databases: GeoDatabases;
  readonly #listeners: Listeners;
  readonly #excluded: NetworkSet;
  /** By name; unknown countries by their continent too. */
  readonly #places = new Map<string, Place>();
  readonly #systems = new Map<number, Network>();
  /** Connections to ends of no AS, by what stands for it. */
  readonly #others = new Map<string, Network>();

  constructor(databases: GeoDatabases, listeners: Listeners, excluded: NetworkSet) {
    this.#databases = databases;
    this.#listeners = listeners;
    this.#excluded = excluded;
  }

  /** Counts a socket that is connected. Hot; allocates once a place. */
  count(socket: TcpSocket): void {
    const state = socket.state === TCP_NEW_SYN_RECV ? TCP_SYN_RECV : socket.state;
    const direction = this.#listeners.has(socket) ? 1 : 0;
    const { remote } = socket;
    const special = this.#excluded.has(remote) ? EXCLUDED : specialName(remote);
    const isKnown = special !== EXCLUDED && special !== LOOPBACK;
    const country = isKnown ? this.#databases.countryOf(remote) : undefined;
    const continent = country === undefined && special === undefined ? this.#databases.continentOf(remote) : undefined;
    this.#placeOf(country, special, continent).add(state, direction);
    if (!this.#databases.hasSystems) return;
    const system = isKnown ? this.#databases.systemOf(remote) : undefined;
    this.#networkOf(system, special).add(state, direction);
  }

  /** How many ASes there are connections to. */
  get systems(): number {
    return this.#systems.size;
  }

  /** Established connections by country, as geoip-exporter tells them. */
  locations(): Sample[] {
    return this.#sortedPlaces()
      .filter(({ isCountry }) => isCountry)
      .map(({ name, counts }) => ({ labels: { location: name }, value: counts.inState(TCP_ESTABLISHED) }))
      .filter(({ value }) => value > 0);
  }

  byCountry(): Sample[] {
    return this.#sortedPlaces().flatMap(({ name, continent, counts }) => counts.samples({ country: name, continent }));
  }

  /** The `limit` ASes with the most connections; all others are one. */
  bySystem(limit: number): Sample[] {
    const sorted = [...this.#systems].sort(([a, one], [b, other]) => other.counts.total - one.counts.total || a - b);
    const rest = new Counts();
    for (const [, { counts }] of sorted.slice(limit)) rest.merge(counts);
    return [
      ...sorted.slice(0, limit).map(([number, network]) => [`${number}`, network] as const),
      [OTHER, { name: "", counts: rest }] as const,
      ...this.#others,
    ].flatMap(([asn, { name, counts }]) => counts.samples({ asn, organization: name }));
  }

  #sortedPlaces(): Place[] {
    return [...this.#places].sort(([one], [other]) => (one < other ? -1 : 1)).map(([, place]) => place);
  }

  /** `continent`: of what is in no country that is known. */
  #placeOf(country: Country | undefined, special: string | undefined, continent: string | undefined): Counts {
    const name = country?.code ?? special ?? UNKNOWN;
    const key = continent === undefined ? name : `${name} ${continent}`;
    let place = this.#places.get(key);
    if (place === undefined) {
      const known = country === undefined ? (continent ?? name) : (country.continent ?? continentOf(name) ?? UNKNOWN);
      place = { name, continent: known, isCountry: country !== undefined, counts: new Counts() };
      this.#places.set(key, place);
    }
    return place.counts;
  }

  #networkOf(system: AutonomousSystem | undefined, special: string | undefined): Counts {
    return system === undefined
      ? networkIn(this.#others, special ?? UNKNOWN, "")
      : networkIn(this.#systems, system.number, system.name);
  }
}

function networkIn<T>(networks: Map<T, Network>, key: T, name: string): Counts {
  let network = networks.get(key);
  if (network === undefined) {
    network = { name, counts: new Counts() };
    networks.set(key, network);
  }
  return network.counts;
}
