import { setImmediate as nextTurn } from "node:timers/promises";
import type { CountedList, CountedSet } from "../../collectors/status.ts";
import type { Accounts } from "../../ledger/accounts/accounts.ts";
import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { Direction } from "../../ledger/rows.ts";
import { NO_VLAN, vlanLabel } from "../../ledger/vlans/vlan.ts";
import { BYTES, type SlotCounters } from "../../ledger/zones/slot-counters.ts";
import { Ends, FIRST_NAMED } from "../../ledger/zones/zone.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";

const ACCOUNTS_PER_TURN = 4096;
const TITLES: Readonly<Record<string, string>> = { country: "countries", asn: "ASes" };

/** Tells an address of a row, as the page of metrics does. */
export type NameOfRow = (ledger: InterfaceLedger, row: number) => string;

/** The addresses that traffic is counted by. */
export class AddressList implements CountedList {
  readonly title = "addresses";
  readonly isPrivate = true;
  readonly unit = "bytes";
  readonly #ledger: Ledger;
  readonly #nameOf: NameOfRow;
  readonly #sets = new WeakMap<InterfaceLedger, AddressSet>();

  constructor(ledger: Ledger, nameOf: NameOfRow) {
    this.#ledger = ledger;
    this.#nameOf = nameOf;
  }

  hold(): Disposable {
    return this.#ledger.addresses.hold();
  }

  sets(): CountedSet[] {
    return this.#ledger.parts().map((part) => {
      const set = this.#sets.get(part) ?? new AddressSet(part, this.#nameOf);
      this.#sets.set(part, set);
      return set;
    });
  }
}

class AddressSet implements CountedSet {
  readonly #ledger: InterfaceLedger;
  readonly #nameOf: NameOfRow;

  constructor(ledger: InterfaceLedger, nameOf: NameOfRow) {
    this.#ledger = ledger;
    this.#nameOf = nameOf;
  }

  get count(): number {
    return this.#ledger.rows.count;
  }

  countOf(row: number): number {
    const { rows, addresses } = this.#ledger;
    return rows.isAddress(row) ? addresses.bytes(row) : 0;
  }

  editionOf(row: number): number {
    return this.#ledger.rows.editionOf(row);
  }

  nameOf(row: number): string {
    return this.#nameOf(this.#ledger, row);
  }

  /** The interface, the VLAN if they are told apart, and the labels of the range. */
  whereOf(row: number): string {
    const { name, vlan, rows, ranges } = this.#ledger;
    const ofVlan = vlan === undefined || vlan === NO_VLAN ? [] : [`VLAN ${vlanLabel(vlan)}`];
    const { labels } = ranges.ranges[rows.rangeOf(row)]!;
    return [name, ...ofVlan, ...labels.map(([label, value]) => `${label} ${value}`)].join(", ");
  }
}

/** Countries, ASes or customers, over all interfaces. */
export class ZoneList implements CountedList, CountedSet {
  readonly title: string;
  /** Customers may have an address or a name that is nobody else's business. */
  readonly isPrivate: boolean;
  readonly unit = "bytes";
  readonly #ledger: Ledger;
  readonly #zoning: Zoning;
  readonly #nameOf: (zone: number) => string;
  #counts: readonly SlotCounters[] = [];

  /** `nameOf`: tells a zone. */
  constructor(ledger: Ledger, zoning: Zoning, nameOf: (zone: number) => string) {
    this.#ledger = ledger;
    this.#zoning = zoning;
    this.#nameOf = nameOf;
    this.title = zoningTitle(zoning);
    this.isPrivate = zoning.ends === Ends.BOTH;
  }

  get count(): number {
    return this.#zoning.slots.count;
  }

  hold(): Disposable {
    return this.#zoning.quota.hold();
  }

  sets(): CountedSet[] {
    this.#counts = this.#ledger
      .interfaces()
      .flatMap(({ zones }) => zones.flatMap(({ zoning, counts }) => (zoning === this.#zoning ? [counts] : [])));
    return [this];
  }

  countOf(slot: number): number {
    return slot === 0 ? 0 : bytesOf(this.#counts, slot);
  }

  editionOf(slot: number): number {
    return this.#zoning.slots.ownerOf(slot);
  }

  nameOf(slot: number): string {
    return this.#nameOf(this.#zoning.slots.ownerOf(slot));
  }

  whereOf(): string {
    return "";
  }
}

/** Customers that are told apart by what is at the other end of their packets as well: each is the sum of that. */
export class AccountedCustomerList implements CountedList, CountedSet {
  readonly title = "customers";
  readonly isPrivate = true;
  readonly unit = "bytes";
  readonly #ledger: Ledger;
  readonly #accounts: Accounts;
  readonly #nameOf: (customer: number) => string;
  /** By customer, as of the last refresh. */
  #sums = new Float64Array(0);

  /** `nameOf`: tells a customer. */
  constructor(ledger: Ledger, accounts: Accounts, nameOf: (customer: number) => string) {
    this.#ledger = ledger;
    this.#accounts = accounts;
    this.#nameOf = nameOf;
  }

  get count(): number {
    return this.#sums.length;
  }

  async refresh(): Promise<void> {
    const counts = this.#ledger.interfaces().flatMap(({ accounts }) => accounts?.counts ?? []);
    const { slots, customers } = this.#accounts;
    const sums = new Float64Array(customers.names.count);
    using _ = slots.quota.hold();
    for (let slot = FIRST_NAMED; slot < slots.count; slot++) {
      if (slot % ACCOUNTS_PER_TURN === 0) await nextTurn();
      if (slots.ownerOf(slot) === 0) continue;
      sums[this.#accounts.accountOf(slot).customer]! += bytesOf(counts, slot);
    }
    this.#sums = sums;
  }

  sets(): CountedSet[] {
    return [this];
  }

  countOf(customer: number): number {
    return customer < FIRST_NAMED ? 0 : this.#sums[customer]!;
  }

  /** Numbers of customers that are gone may be others'. */
  editionOf(): number {
    return this.#accounts.slots.drops;
  }

  nameOf(customer: number): string {
    return this.#nameOf(customer);
  }

  whereOf(): string {
    return "";
  }
}

export function zoningTitle({ label }: Zoning): string {
  return TITLES[label] ?? "customers";
}

/** Hot, for a look. */
function bytesOf(all: readonly SlotCounters[], slot: number): number {
  let sum = 0;
  for (const counts of all) sum += counts.count(slot, Direction.TX, BYTES) + counts.count(slot, Direction.RX, BYTES);
  return sum;
}
