import { grown } from "../../../grown-array.ts";
import { KeyedHash } from "../../../ledger/keyed-hash.ts";
import type { Packet } from "../../../packet/packet.ts";
import type { Segment } from "./segment.ts";
import { Connection } from "./connection.ts";
import type { Surroundings } from "./surroundings.ts";

/*
 * A key, in signed words:
 *
 *     | lower address (4) | higher address (4) | ports: lower << 16, higher | protocol, IP version |
 */
const KEY_WORDS = 10;
const HIGHER_ADDRESS = 4;
const PORTS = 8;
const PROTOCOL = 9;
const TCP_BIT = 0x100;
const INITIAL_SLOTS = 64;

/** Connections by their addresses and ports, and in the order of their last packets. */
export class ConnectionTable {
  /** Whether the packet that was looked up last came from the side with the lower address and port. */
  isLower = true;
  readonly #keyedHash = new KeyedHash(KEY_WORDS);
  readonly #byHash = new Map<number, Connection>();
  /** Of the packet that was looked up last. */
  readonly #key = new Int32Array(KEY_WORDS);
  #hash = 0;
  /** The keys of all connections, by slot. */
  #keys = new Int32Array(INITIAL_SLOTS * KEY_WORDS);
  readonly #freeSlots: number[] = [];
  #size = 0;
  #oldest: Connection | undefined;
  #newest: Connection | undefined;

  get size(): number {
    return this.#size;
  }

  /** The one that has been silent for the longest. */
  get oldest(): Connection | undefined {
    return this.#oldest;
  }

  /** The connection of a packet, which becomes the newest. Hot; does not allocate. */
  find(packet: Packet, segment: Segment): Connection | undefined {
    this.#look(packet, segment);
    let connection = this.#byHash.get(this.#hash);
    while (connection !== undefined && !this.#isAt(connection)) connection = connection.chained;
    if (connection !== undefined && connection !== this.#newest) {
      this.#unlink(connection);
      this.#link(connection);
    }
    return connection;
  }

  /** Adds the connection that `find` has just not found. */
  add(surroundings: Surroundings): Connection {
    const slot = this.#freeSlots.pop() ?? this.#size;
    if (this.#keys.length < (slot + 1) * KEY_WORDS) this.#keys = grown(this.#keys);
    this.#keys.set(this.#key, slot * KEY_WORDS);
    const connection = new Connection(this.#hash, slot, surroundings);
    connection.chained = this.#byHash.get(this.#hash);
    this.#byHash.set(this.#hash, connection);
    this.#link(connection);
    this.#size++;
    return connection;
  }

  remove(connection: Connection): void {
    this.#unlink(connection);
    this.#unchain(connection);
    this.#freeSlots.push(connection.slot);
    this.#size--;
  }

  /** All, the oldest first; the one that is handed out may be removed. */
  *[Symbol.iterator](): Generator<Connection> {
    for (let connection = this.#oldest; connection !== undefined;) {
      const { newer } = connection;
      yield connection;
      connection = newer;
    }
  }

  #look(packet: Packet, segment: Segment): void {
    this.isLower = isFromLower(packet, segment);
    const { isLower } = this;
    const key = this.#key;
    const source = isLower ? 0 : HIGHER_ADDRESS;
    const destination = isLower ? HIGHER_ADDRESS : 0;
    const isIpv4 = packet.version === 4;
    key[source] = packet.source;
    key[source + 1] = isIpv4 ? 0 : packet.source1;
    key[source + 2] = isIpv4 ? 0 : packet.source2;
    key[source + 3] = isIpv4 ? 0 : packet.source3;
    key[destination] = packet.destination;
    key[destination + 1] = isIpv4 ? 0 : packet.destination1;
    key[destination + 2] = isIpv4 ? 0 : packet.destination2;
    key[destination + 3] = isIpv4 ? 0 : packet.destination3;
    const { sourcePort, destinationPort } = segment;
    key[PORTS] = isLower ? (sourcePort << 16) | destinationPort : (destinationPort << 16) | sourcePort;
    key[PROTOCOL] = (segment.isTcp ? TCP_BIT : 0) | packet.version;
    this.#hash = this.#keyedHash.of(key);
  }

  #isAt({ hash, slot }: Connection): boolean {
    if (hash !== this.#hash) return false;
    const key = slot * KEY_WORDS;
    for (let word = 0; word < KEY_WORDS; word++) if (this.#keys[key + word] !== this.#key[word]) return false;
    return true;
  }

  #link(connection: Connection): void {
    connection.older = this.#newest;
    connection.newer = undefined;
    if (this.#newest === undefined) this.#oldest = connection;
    else this.#newest.newer = connection;
    this.#newest = connection;
  }

  #unlink({ older, newer }: Connection): void {
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }

  #unchain(connection: Connection): void {
    const first = this.#byHash.get(connection.hash);
    if (first === connection) {
      if (connection.chained === undefined) this.#byHash.delete(connection.hash);
      else this.#byHash.set(connection.hash, connection.chained);
      return;
    }
    let before = first;
    while (before !== undefined && before.chained !== connection) before = before.chained;
    if (before !== undefined) before.chained = connection.chained;
  }
}

/** Whether the source is the lower of the two sides: any order does that is the same for both directions. */
function isFromLower(packet: Packet, segment: Segment): boolean {
  if (packet.source !== packet.destination) return packet.source < packet.destination;
  if (packet.version === 6) {
    if (packet.source1 !== packet.destination1) return packet.source1 < packet.destination1;
    if (packet.source2 !== packet.destination2) return packet.source2 < packet.destination2;
    if (packet.source3 !== packet.destination3) return packet.source3 < packet.destination3;
  }
  return segment.sourcePort <= segment.destinationPort;
}
