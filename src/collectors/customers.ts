import { grown } from "../grown-array.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { Direction } from "../ledger/rows.ts";
import { FIRST_NAMED, Zone } from "../ledger/zones/zone.ts";
import { BYTES, PACKETS, type ZoneLedger } from "../ledger/zones/zone-ledger.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import { counter, type Family, gauge, MetricType, type WrittenFamily } from "../page/family.ts";
import { LabelList } from "../page/label-list.ts";
import { labelText } from "../page/labels.ts";
import type { PageWriter } from "../page/page-writer.ts";
import { isTurnOver, SeriesLines } from "../page/series-lines.ts";
import type { Collector } from "./collector.ts";
import type { TrafficSource } from "./traffic.ts";

const encoder = new TextEncoder();
const DIRECTIONS = [
  [Direction.TX, encoder.encode(labelText("direction", "tx"))],
  [Direction.RX, encoder.encode(labelText("direction", "rx"))],
] as const;
const INITIAL_SLOTS = 64;
const INITIAL_BYTES = 4096;

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
  readonly #labels: SlotLabels;

  constructor(source: TrafficSource, ledger: Ledger, customers: CustomerZones) {
    this.#source = source;
    this.#ledger = ledger;
    this.#zoning = customers.zoning;
    this.#labels = new SlotLabels(customers);
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
      write: (writer) => writeCustomers(writer, name, this.#zoning, this.#ledger.interfaces(), this.#labels, what),
    };
  }
}

function* writeCustomers(
  writer: PageWriter,
  name: string,
  zoning: Zoning,
  ledgers: readonly InterfaceLedger[],
  labels: SlotLabels,
  what: number,
): Generator<void> {
  using _ = zoning.quota.hold();
  for (const ledger of ledgers) {
    const zones = ledger.zones.find((each) => each.zoning === zoning)!;
    const lines = new SeriesLines(name, labelText("interface", ledger.name));
    for (let slot = Zone.OTHER; slot < zoning.count; slot++) {
      writeSlot(writer, lines, zones, labels, slot, what);
      if (isTurnOver(writer, slot)) yield;
    }
  }
}

/** Hot. */
function writeSlot(
  writer: PageWriter,
  lines: SeriesLines,
  zones: ZoneLedger,
  labels: SlotLabels,
  slot: number,
  what: number,
): void {
  for (const [direction, text] of DIRECTIONS) {
    if (zones.count(slot, direction, PACKETS) === 0) continue;
    labels.learn(slot);
    lines.write(writer, zones.count(slot, direction, what), labels.bytes, labels.start(slot), labels.end(slot), text);
  }
}

/** The labels of slots as bytes, made when a slot is first asked for after it was given to a customer. */
class SlotLabels {
  readonly #customers: CustomerZones;
  readonly #list = new LabelList(INITIAL_SLOTS, INITIAL_BYTES);
  /** Slot → zone that its labels were made for. */
  #zones = new Uint32Array(INITIAL_SLOTS);

  constructor(customers: CustomerZones) {
    this.#customers = customers;
  }

  get bytes(): Uint8Array {
    return this.#list.bytes;
  }

  /** Makes the labels of a slot if they are not there yet, or are those of another customer. Hot. */
  learn(slot: number): void {
    while (this.#list.count <= slot) this.#list.append("");
    if (slot >= this.#zones.length) this.#zones = grown(this.#zones, slot + 1);
    const zone = this.#customers.zoning.zoneOfSlot(slot);
    if (this.#zones[slot] === zone && zone >= FIRST_NAMED) return;
    this.#zones[slot] = zone;
    const text = zone < FIRST_NAMED ? this.#customers.otherLabels : this.#customers.zoning.nameOf(zone);
    this.#list.replace(slot, text === "" ? "" : `${text},`);
  }

  start(slot: number): number {
    return this.#list.start(slot);
  }

  end(slot: number): number {
    return this.#list.end(slot);
  }
}
