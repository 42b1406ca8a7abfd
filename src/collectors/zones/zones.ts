import type { GeoDatabases } from "../../geo/databases.ts";
import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { Direction } from "../../ledger/rows.ts";
import { Ends, FIRST_NAMED } from "../../ledger/zones/zone.ts";
import { BYTES, PACKETS } from "../../ledger/zones/slot-counters.ts";
import type { ZoneLedger } from "../../ledger/zones/zone-ledger.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import { counter, type Family, gauge, MetricType, type WrittenFamily } from "../../page/family.ts";
import { labelText } from "../../page/labels.ts";
import type { PageWriter } from "../../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../../page/series-lines.ts";
import { type Collector, reloaded } from "../collector.ts";
import { databaseFamilies } from "../geo-databases.ts";
import type { TrafficSource } from "../traffic.ts";

const BY_CURRENT_HELP =
  "Whether the databases and the addresses of the host are used as they are now; 0 if they cannot be mapped or find no room.";
const encoder = new TextEncoder();
const DIRECTIONS = [
  [Direction.TX, "tx"],
  [Direction.RX, "rx"],
] as const;

/** Keeps the tables up to date in which addresses are looked up. */
export interface ZoneUpdater {
  /** Sees to it that addresses are looked up in what the databases hold now. */
  refresh(): Promise<void>;
  /** Whether what the databases and the host hold now is what is looked up. */
  isCurrent(zoning: Zoning): boolean;
}

/** Traffic by what the remote address belongs to: a country, an AS. */
export class ZonesCollector implements Collector {
  readonly name = "by";
  readonly #source: TrafficSource;
  readonly #ledger: Ledger;
  readonly #updater: ZoneUpdater;
  readonly #databases: GeoDatabases | undefined;

  /** `databases` are given if no other collector tells of them. */
  constructor(source: TrafficSource, ledger: Ledger, updater: ZoneUpdater, databases: GeoDatabases | undefined) {
    this.#source = source;
    this.#ledger = ledger;
    this.#updater = updater;
    this.#databases = databases;
  }

  async collect(deadline: number): Promise<Family[]> {
    await reloaded(this.#updater.refresh(), deadline);
    this.#source.sync();
    const zonings = this.#ledger.zonings.filter(({ ends }) => ends === Ends.REMOTE);
    for (const zoning of zonings) zoning.slots.beginPage();
    return [
      ...(this.#databases === undefined ? [] : databaseFamilies(this.#databases)),
      gauge(
        "promtap_traffic_by_current",
        BY_CURRENT_HELP,
        zonings.map((zoning) => ({ labels: { by: zoning.label }, value: this.#updater.isCurrent(zoning) ? 1 : 0 })),
      ),
      ...zonings.filter(({ label }) => label === "asn").flatMap(systemFamilies),
      ...zonings.flatMap((zoning) => [this.#family(zoning, "packets", PACKETS), this.#family(zoning, "bytes", BYTES)]),
    ];
  }

  #family(zoning: Zoning, unit: string, what: number): WrittenFamily {
    const name = `promtap_traffic_${zoning.label}_${unit}_total`;
    const of = zoning.label === "asn" ? "AS" : "country";
    return {
      name,
      help: `Traffic by ${of} of the remote address, or what it is instead, in ${unit}.`,
      type: MetricType.COUNTER,
      write: (writer) => writeZones(writer, name, zoning, this.#ledger.interfaces(), what),
    };
  }
}

function systemFamilies(zoning: Zoning): Family[] {
  const { used, limit } = zoning.quota;
  const slots = [...Array(zoning.slots.count).keys()].filter(
    (slot) => slot >= FIRST_NAMED && zoning.slots.ownerOf(slot) > 0,
  );
  return [
    gauge("promtap_traffic_asns", "ASes that have series.", used),
    gauge("promtap_traffic_asns_limit", "ASes that may have series.", limit),
    counter(
      "promtap_traffic_evicted_asns_total",
      "ASes that gave their series to others, because they were silent longest when the limit was reached.",
      zoning.slots.evicted,
    ),
    gauge(
      "promtap_traffic_asn_info",
      "Names of the ASes that have series.",
      slots.map((slot) => {
        const zone = zoning.slots.ownerOf(slot);
        return { labels: { asn: zoning.nameOf(zone), name: zoning.descriptionOf(zone) }, value: 1 };
      }),
    ),
  ];
}

function* writeZones(
  writer: PageWriter,
  name: string,
  zoning: Zoning,
  ledgers: readonly InterfaceLedger[],
  what: number,
): Generator<void> {
  using _ = zoning.quota.hold();
  for (const ledger of ledgers) {
    const zones = ledger.zones.find((each) => each.zoning === zoning)!;
    const lines = DIRECTIONS.map(
      ([, text]) => new SeriesLines(name, labelText("interface", ledger.name), labelText("direction", text)),
    );
    for (let slot = 1; slot < zoning.slots.count; slot++) {
      writeSlot(writer, lines, zones, slot, what);
      if (isTurnOver(writer, slot)) yield;
    }
  }
}

function writeSlot(
  writer: PageWriter,
  lines: readonly SeriesLines[],
  zones: ZoneLedger,
  slot: number,
  what: number,
): void {
  const { zoning } = zones;
  if (DIRECTIONS.every(([direction]) => zones.counts.count(slot, direction, PACKETS) === 0)) return;
  const label = encoder.encode(labelText(zoning.label, zoning.nameOf(zoning.slots.ownerOf(slot))));
  for (const [direction] of DIRECTIONS) {
    if (zones.counts.count(slot, direction, PACKETS) === 0) continue;
    lines[direction]!.write(writer, zones.counts.count(slot, direction, what), label, 0, label.length);
  }
}
