import type { Packet } from "../../packet/packet.ts";
import { parseSegment, Segment, SegmentVerdict, TcpFlag } from "./streams/segment.ts";
import { ConnectionTable } from "./streams/connection-table.ts";
import { MemoryBudget } from "./streams/memory-budget.ts";
import type { Surroundings } from "./streams/surroundings.ts";
import type { FrameFault, Tally } from "./tally.ts";

/** Connections that are followed; then the one that was silent for the longest gives way. */
const MAX_CONNECTIONS = 131_072;
/** For segments that came early, and compressed packets in pieces: of all streams together. */
const MAX_KEPT_BYTES = 32 * 1024 * 1024;
const AGING_SECONDS = 30;

/** Follows the Wialon IPS streams in the packets of a capture, and counts what they say. */
export class WialonMonitor {
  readonly #tally: Tally;
  readonly #surroundings: Surroundings;
  readonly #connections: ConnectionTable;
  readonly #maxConnections: number;
  readonly #segment = new Segment();
  /** When streams were last looked through for silent ones; in seconds, as every time here. */
  #agedAt = Number.NEGATIVE_INFINITY;

  constructor(tally: Tally, maxConnections = MAX_CONNECTIONS) {
    this.#tally = tally;
    this.#surroundings = { tally, budget: new MemoryBudget(MAX_KEPT_BYTES), idleParsers: [] };
    this.#connections = new ConnectionTable();
    this.#maxConnections = maxConnections;
  }

  get keptBytes(): number {
    return this.#surroundings.budget.usedBytes;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Takes a parsed packet of bytes[..., end), which was seen `now`. Hot. */
  take(packet: Packet, bytes: Uint8Array, end: number, now: number): void {
    this.age(now);
    const segment = this.#segment;
    const verdict = parseSegment(segment, packet, bytes, end);
    if (verdict !== SegmentVerdict.WHOLE) {
      const fault = faultOf(verdict);
      if (fault !== undefined) this.#tally.skippedFrames.set(fault, this.#tally.skippedFrames.get(fault)! + 1);
      return;
    }
    const hasPayload = segment.payloadBytes > 0;
    if (hasPayload) this.#tally.rawPackets++;
    const isOpening = segment.isTcp && (segment.flags & TcpFlag.SYN) !== 0;
    const connections = this.#connections;
    let connection = connections.find(packet, segment);
    if (connection === undefined) {
      if (!hasPayload && !isOpening) return;
      if (connections.size >= this.#maxConnections) this.#evict(now);
      connection = connections.add(this.#surroundings);
    }
    if (segment.isTcp) connection.takeSegment(packet, segment, connections.isLower, bytes, now);
    else if (hasPayload) connection.takeDatagram(packet, segment, connections.isLower, bytes, now);
  }

  /** Looks for streams that have gone silent, if that was not done lately. */
  age(now: number): void {
    // A clock that was set back would otherwise keep streams for as long.
    if (now - this.#agedAt < AGING_SECONDS && now > this.#agedAt - AGING_SECONDS) return;
    this.#agedAt = now;
    for (const connection of this.#connections) if (connection.age(now)) this.#connections.remove(connection);
  }

  /** Reads what is held behind holes: nothing more will come. */
  flush(now: number): void {
    for (const connection of this.#connections) connection.flush(now);
  }

  #evict(now: number): void {
    const { oldest } = this.#connections;
    if (oldest === undefined) return;
    this.#tally.evictedStreams += oldest.aliveStreams;
    oldest.end(now);
    this.#connections.remove(oldest);
  }
}

function faultOf(verdict: SegmentVerdict): FrameFault | undefined {
  switch (verdict) {
    case SegmentVerdict.FRAGMENT:
      return "fragment";
    case SegmentVerdict.TRUNCATED:
      return "truncated";
    case SegmentVerdict.MALFORMED:
      return "malformed";
    default:
      return undefined;
  }
}
