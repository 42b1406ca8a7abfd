import { counter, type Family, gauge, MetricType, type Sample } from "../../page/family.ts";
import type { Collector } from "../collector.ts";
import { CODE_COUNT, CODE_NAMES, LOGIN_CODES } from "./protocol/answer-code.ts";
import { IS_REQUEST, TYPE_NAMES } from "./protocol/packet-type.ts";
import { deviceFamily, pairFamily, typeFamily } from "./series-families.ts";
import { SKIP_REASONS } from "./streams/reassembly.ts";
import { ANSWER_BOUNDS, DeviceColumn, PairColumn, type Tally } from "./tally.ts";

/** The quantiles of the original. */
const QUANTILES = [0.5, 0.9, 0.95, 0.99];

/** Where the packets come from. */
export interface WialonSource {
  /** Brings the counts up to date; returns the time, in seconds. */
  sync(): number;
  /** Whole seconds that the clock of the host is ahead of this time: it may have been set since the start. */
  clockOffset(): number;
  /** None if a file is read. */
  taps(): readonly { name: string; isUp: boolean; lostPackets: number }[];
}

/** Wialon IPS on the wire: the families of wialon_ips_exporter, and what it does not see. */
export class WialonCollector implements Collector {
  readonly name = "wialon";
  readonly #source: WialonSource;
  readonly #tally: Tally;

  constructor(source: WialonSource, tally: Tally) {
    this.#source = source;
    this.#tally = tally;
  }

  async collect(): Promise<Family[]> {
    const now = this.#source.sync();
    this.#tally.pairs.beginPage();
    this.#tally.devices?.beginPage();
    return [
      ...this.#streams(now),
      ...this.#answers(),
      ...this.#packets(),
      ...this.#bounds(),
      ...this.#devices(),
      ...this.#capture(),
      ...this.#byPair(),
    ];
  }

  #streams(now: number): Family[] {
    const { lives, streams, evictedStreams } = this.#tally;
    const name = "wialon_ips_stream_live_seconds";
    const quantiles = lives.quantiles(QUANTILES, now);
    return [
      gauge("wialon_ips_streams_size", "Streams alive now: one for each direction of a connection.", streams),
      {
        name,
        help: "Time from the first to the last packet of streams that ended; quantiles of the last ten minutes.",
        type: MetricType.SUMMARY,
        samples: [
          ...QUANTILES.map((quantile, index) => ({
            labels: { quantile: `${quantile}` },
            value: quantiles[index]!,
          })),
          { name: `${name}_sum`, value: lives.sumSeconds },
          { name: `${name}_count`, value: lives.count },
        ],
      },
      counter(
        "wialon_ips_evicted_streams_total",
        "Streams that were given up because there were too many.",
        evictedStreams,
      ),
    ];
  }

  #answers(): Family[] {
    const { logins, rejected } = this.#tally;
    const requests = TYPE_NAMES.flatMap((type, index) => (IS_REQUEST[index] === 1 ? [{ type, index }] : []));
    const rejections = requests.flatMap(({ type, index }) =>
      CODE_NAMES.map((code, at) => ({ labels: { type, code }, value: rejected[index * CODE_COUNT + at]! })),
    );
    return [
      counter(
        "wialon_ips_logins_total",
        "Answers to logins by code: 1 accepted, 0 refused, 01 wrong password, 10 wrong checksum.",
        LOGIN_CODES.map((code) => ({ labels: { code: CODE_NAMES[code]! }, value: logins[code]! })),
      ),
      counter(
        "wialon_ips_rejected_packets_total",
        "Packets that the server rejected, by their type and the code of its answer; logins are counted apart.",
        rejections.filter(({ value }) => value > 0),
      ),
      {
        name: "wialon_ips_answer_latency_seconds",
        help: "Time from the end of a request to its answer, by the type of the request.",
        type: MetricType.HISTOGRAM,
        samples: requests.flatMap(({ type, index }) => this.#answerTimes(type, index)),
      },
    ];
  }

  #answerTimes(type: string, index: number): Sample[] {
    const name = "wialon_ips_answer_latency_seconds";
    const counts = this.#tally.answersTo(index);
    let count = 0;
    const buckets = [...ANSWER_BOUNDS, Number.POSITIVE_INFINITY].map((bound, bucket) => {
      count += counts[bucket]!;
      const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : canonical(bound);
      return { name: `${name}_bucket`, labels: { type, le }, value: count };
    });
    if (count === 0) return [];
    return [
      ...buckets,
      { name: `${name}_sum`, labels: { type }, value: this.#tally.answerSeconds[index]! },
      { name: `${name}_count`, labels: { type }, value: count },
    ];
  }

  #packets(): Family[] {
    const tally = this.#tally;
    return [
      counter(
        "wialon_ips_raw_packets_total",
        "Packets captured that carried payload, repeated ones too.",
        tally.rawPackets,
      ),
      counter(
        "wialon_ips_bytes_total",
        "Bytes of packets by type, with the end of their lines and binary data; of compressed ones as unpacked.",
        TYPE_NAMES.map((type, index) => ({ labels: { type }, value: tally.bytes[index]! })),
      ),
      counter("wialon_ips_black_box_points_total", "Points in packets of type B.", tally.points),
      counter("wialon_ips_compressed_packets_total", "Compressed packets that were unpacked.", tally.compressedPackets),
      counter(
        "wialon_ips_compressed_bytes_total",
        "Bytes of compressed packets before they were unpacked.",
        tally.compressedBytes,
      ),
      counter(
        "wialon_ips_compressed_errors_total",
        "Compressed packets that could not be read, by the reason.",
        [...tally.containerFaults].map(([reason, value]) => ({ labels: { reason }, value })),
      ),
    ];
  }

  #bounds(): Family[] {
    const { skippedBytes, skippedFrames, pairs, devices } = this.#tally;
    return [
      counter(
        "wialon_ips_skipped_bytes_total",
        "Bytes of streams that were not read, by the reason; reading goes on at the next line.",
        SKIP_REASONS.map((reason, index) => ({ labels: { reason }, value: skippedBytes[index]! })),
      ),
      counter(
        "wialon_ips_skipped_frames_total",
        "Frames that were not read, by the reason.",
        [...skippedFrames].map(([reason, value]) => ({ labels: { reason }, value })),
      ),
      counter(
        "wialon_ips_evicted_series_total",
        "Series that gave their place to what is new, and their counts to other.",
        [
          { labels: { of: "addresses" }, value: pairs.evictions },
          ...(devices === undefined ? [] : [{ labels: { of: "devices" }, value: devices.evictions }]),
        ],
      ),
    ];
  }

  #devices(): Family[] {
    const { devices } = this.#tally;
    if (devices === undefined) return [];
    return [
      deviceFamily(
        ["wialon_ips_device_packets_total", "Packets from a device, from its login on."],
        devices,
        DeviceColumn.PACKETS,
      ),
      deviceFamily(
        ["wialon_ips_device_last_packet_timestamp_seconds", "When the last packet from a device was seen."],
        devices,
        DeviceColumn.LAST_SEEN_SECONDS,
        this.#source.clockOffset(),
      ),
    ];
  }

  #capture(): Family[] {
    const taps = this.#source.taps();
    if (taps.length === 0) return [];
    return [
      gauge(
        "wialon_ips_interface_up",
        "Whether the interface is up and captured.",
        taps.map(({ name, isUp }) => ({ labels: { interface: name }, value: isUp ? 1 : 0 })),
      ),
      counter(
        "wialon_ips_capture_lost_packets_total",
        "Packets that the kernel saw and that were dropped before they were read.",
        taps.map(({ name, lostPackets }) => ({
          labels: { interface: name },
          value: lostPackets + (this.#tally.lostBefore.get(name) ?? 0),
        })),
      ),
    ];
  }

  #byPair(): Family[] {
    const { pairs } = this.#tally;
    const { PARSE_ERRORS, CHECKSUM_ERRORS, STREAMS } = PairColumn;
    return [
      typeFamily(["wialon_ips_packets_total", "Packets by type and addresses."], pairs),
      pairFamily(["wialon_ips_parse_errors_total", "Packets whose type is none, by addresses."], pairs, PARSE_ERRORS),
      pairFamily(
        ["wialon_ips_crc_errors_total", "Packets whose checksum is wrong, by addresses."],
        pairs,
        CHECKSUM_ERRORS,
      ),
      pairFamily(["wialon_ips_streams_by_ip_size", "Streams alive now, by addresses."], pairs, STREAMS),
    ];
  }
}

/** OpenMetrics wants the canonical form of a float, and text allows it. */
function canonical(bound: number): string {
  return Number.isInteger(bound) ? bound.toFixed(1) : `${bound}`;
}
