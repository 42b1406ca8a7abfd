import { Field, type Flow, IPV6_WORDS } from "../../../flows/flow.ts";
import type { InterfaceLedger } from "../../../ledger/interface-ledger.ts";
import type { Ledger } from "../../../ledger/ledger.ts";
import { Packet, Verdict } from "../../../packet/packet.ts";

/** Exporters that have counts of their own, times what may have series: 512 MB if all of it were seen of each. */
const MAX_CELLS = 2 ** 24;
const MIN_EXPORTERS = 16;
const MAX_EXPORTERS = 1024;

/** What is counted together for exporters without counts of their own. */
const OTHER = "other";

/**
 * Counts flows as frames are counted: by customer, and by country and AS of the remote address. Each exporter has the
 * place of an interface.
 */
export class FlowAccounts {
  /** Records without addresses, which count for nothing here. */
  unaddressedRecords = 0;
  /** Records counted under "other" because too many exporters have counts of their own. */
  otherRecords = 0;
  /** Exporters that may have counts of their own. */
  readonly maxExporters: number;
  readonly #ledger: Ledger;
  readonly #packet = new Packet();
  readonly #ledgers = new Map<string, InterfaceLedger>();
  /** Of the exporter whose records come now. */
  #name = "";
  #isOther = false;
  #current: InterfaceLedger | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
    const pools = [...ledger.zonings, ...(ledger.accounts === undefined ? [] : [ledger.accounts])];
    const series = pools.reduce((sum, { slots }) => sum + slots.quota.limit, 0);
    this.maxExporters = Math.min(MAX_EXPORTERS, Math.max(MIN_EXPORTERS, Math.floor(MAX_CELLS / series)));
    this.#packet.verdict = Verdict.IP;
    for (const each of ledger.interfaces()) if (each.name !== OTHER) this.#ledgers.set(each.name, each);
  }

  /** Exporters that have counts of their own. */
  get exporters(): number {
    return this.#ledgers.size;
  }

  /** The records that follow are of the exporter of this name. Hot. */
  begin(name: string): void {
    if (name === this.#name) return;
    this.#name = name;
    this.#current = undefined;
  }

  /** Counts a flow of so many packets and bytes; that of an exporter that tells no packets is one. Hot. */
  count({ numbers }: Flow, packets: number, bytes: number): void {
    const packet = this.#packet;
    if (!takeAddresses(packet, numbers)) {
      this.unaddressedRecords++;
      return;
    }
    packet.protocol = numbers[Field.PROTOCOL]! & 0xff;
    this.#current ??= this.#ledgerOf(this.#name);
    if (this.#isOther) this.otherRecords++;
    if (bytes > 0 || packets > 0) this.#current.recordFlow(packet, packets === 0 ? 1 : packets, bytes);
  }

  /** Adds the counts of exporters that are not among these to those of "other". */
  retain(names: ReadonlySet<string>): void {
    for (const [name, ledger] of this.#ledgers) {
      if (names.has(name)) continue;
      this.#ledgers.delete(name);
      this.#ledger.interface(OTHER).takeFlows(ledger);
      this.#ledger.forget(name);
    }
    this.#current = undefined;
  }

  #ledgerOf(name: string): InterfaceLedger {
    const known = this.#ledgers.get(name);
    this.#isOther = name !== OTHER && known === undefined && this.#ledgers.size >= this.maxExporters;
    if (known !== undefined) return known;
    if (this.#isOther || name === OTHER) return this.#ledger.interface(OTHER);
    const ledger = this.#ledger.interface(name);
    this.#ledgers.set(name, ledger);
    return ledger;
  }
}

/** Whether the record has any. Hot. */
function takeAddresses(packet: Packet, numbers: Float64Array): boolean {
  if (numbers[Field.SOURCE_IPV4] !== 0 || numbers[Field.DESTINATION_IPV4] !== 0) {
    packet.version = 4;
    packet.source = numbers[Field.SOURCE_IPV4]! | 0;
    packet.destination = numbers[Field.DESTINATION_IPV4]! | 0;
    return true;
  }
  let isTold = false;
  for (let k = 0; k < 2 * IPV6_WORDS; k++) isTold ||= numbers[Field.SOURCE_IPV6 + k] !== 0;
  if (!isTold) return false;
  packet.version = 6;
  packet.source = numbers[Field.SOURCE_IPV6]! | 0;
  packet.source1 = numbers[Field.SOURCE_IPV6 + 1]! | 0;
  packet.source2 = numbers[Field.SOURCE_IPV6 + 2]! | 0;
  packet.source3 = numbers[Field.SOURCE_IPV6 + 3]! | 0;
  packet.destination = numbers[Field.DESTINATION_IPV6]! | 0;
  packet.destination1 = numbers[Field.DESTINATION_IPV6 + 1]! | 0;
  packet.destination2 = numbers[Field.DESTINATION_IPV6 + 2]! | 0;
  packet.destination3 = numbers[Field.DESTINATION_IPV6 + 3]! | 0;
  return true;
}
