import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { Direction } from "../ledger/rows.ts";
import { FIRST_NAMED, Zone } from "../ledger/zones/zone.ts";
import { BYTES, PACKETS, type ZoneLedger } from "../ledger/zones/zone-ledger.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import { counter, type Family, gauge, MetricType, type WrittenFamily } from "../page/family.ts";
import { labelText } from "../page/labels.ts";
import type { PageWriter } from "../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../page/series-lines.ts";
import type { Collector } from "./collector.ts";
import type { TrafficSource } from "./traffic.ts";

const encoder = new TextEncoder();
const DIRECTIONS = [
  [Direction.TX, directionEnd("tx")],
  [Direction.RX, directionEnd("rx")],
] as const;

/** What customers are told apart by. */
export interface CustomerZones {
  /** Its zones are named by the labels of customers. */
  readonly zoning: Zoning;
  /** The labels of what found no place. */
  readonly otherLabels: string;
}

/** Traffic of customers: of addresses that lists of prefixes give labels. */
export class CustomersCollector implements Collector {
  readonly name = "customers";
  readonly #source: TrafficSource;
  readonly #ledger: Ledger;
  readonly #zoning: Zoning;
  readonly #customers: CustomerZones;

  constructor(source: TrafficSource, ledger: Ledger, customers: CustomerZones) {
    this.#source = source;
    this.#ledger = ledger;
    this.#zoning = customers.zoning;
    this.#customers = customers;
  }

  async collect(): Promise<Family[]> {
    this.#source.sync();
    this.#zoning.beginPage();
    const { used, limit } = this.#zoning.quota;
    return [
      gauge("promtap_customers", "Customers that have series.", used),
      gauge("promtap_customers_limit", "Customers that may have series.", limit),
      counter(
        "promtap_evicted_customers_total",
        "Customers that gave their series to others, because they were silent longest when the limit was reached.",
        this.#zoning.evicted,
      ),
      this.#family("packets", PACKETS),
      this.#family("bytes", BYTES),
    ];
  }

  #family(unit: string, what: number): WrittenFamily {
    const name = `promtap_customer_${unit}_total`;
    return {
      name,
      help: `Traffic of the addresses of customers, sent and received, in ${unit}.`,
      type: MetricType.COUNTER,
      write: (writer) => writeCustomers(writer, name, this.#customers, this.#ledger.interfaces(), what),
    };
  }
}

function* writeCustomers(
  writer: PageWriter,
  name: string,
  { zoning, otherLabels }: CustomerZones,
  ledgers: readonly InterfaceLedger[],
  what: number,
): Generator<void> {
  using _ = zoning.quota.hold();
  const other = encoder.encode(otherLabels);
  for (const ledger of ledgers) {
    const zones = ledger.zones.find((each) => each.zoning === zoning)!;
    const lines = new SeriesLines(name, labelText("interface", ledger.name));
    for (let slot = Zone.OTHER; slot < zoning.count; slot++) {
      writeSlot(writer, lines, zones, slot, other, what);
      if (isTurnOver(writer, slot)) yield;
    }
  }
}

/** Hot. */
function writeSlot(
  writer: PageWriter,
  lines: SeriesLines,
  zones: ZoneLedger,
  slot: number,
  other: Uint8Array,
  what: number,
): void {
  const { zoning } = zones;
  const { names } = zoning;
  const zone = zoning.zoneOfSlot(slot);
  const isOther = zone < FIRST_NAMED;
  const labels = isOther ? other : names.bytes;
  const from = isOther ? 0 : names.start(zone);
  const to = isOther ? other.length : names.end(zone);
  let start = -1;
  for (const [direction, ends] of DIRECTIONS) {
    if (zones.count(slot, direction, PACKETS) === 0) continue;
    const end = from === to ? ends.alone : ends.behind;
    const value = zones.count(slot, direction, what);
    const position = writer.position;
    if (start < 0) lines.write(writer, value, labels, from, to, end);
    else lines.writeAgain(writer, value, start, to - from, end);
    start = position;
  }
}

/** The last label, alone and behind others. */
function directionEnd(name: string): { readonly alone: Uint8Array; readonly behind: Uint8Array } {
  const text = labelText("direction", name);
  return { alone: encoder.encode(text), behind: encoder.encode(`,${text}`) };
}
