import { type AddressBudget, InterfaceLedger } from "./interface-ledger.ts";
import { Ipv4Memory } from "./ipv4-memory.ts";
import type { RangeTable } from "./ranges.ts";
import type { Zoning } from "./zones/zoning.ts";

/**
 * Memory of the IPv4 tables: several times what addresses need that are neighbours, and a bound for what somebody can
 * make of few addresses in many networks, or of many protocols. What finds no room is looked up in another way.
 */
const FEWEST_IPV4_BYTES = 4 * 1024 * 1024;
const IPV4_BYTES_AN_ADDRESS = 128;

/** All counts of the process: one ledger an interface. */
export class Ledger {
  readonly ranges: RangeTable;
  readonly addresses: AddressBudget;
  /** The ways to tell remote addresses apart. */
  readonly zonings: readonly Zoning[];
  readonly #interfaces = new Map<string, InterfaceLedger>();
  readonly #seed: number;
  readonly #ipv4: Ipv4Memory;

  /** `seed`: any number, random for each process (see AddressIndex). */
  constructor(ranges: RangeTable, maxAddresses: number, seed: number, zonings: readonly Zoning[] = []) {
    this.ranges = ranges;
    this.zonings = zonings;
    this.addresses = { limit: maxAddresses, used: 0 };
    this.#ipv4 = new Ipv4Memory(ranges, FEWEST_IPV4_BYTES + maxAddresses * IPV4_BYTES_AN_ADDRESS);
    this.#seed = seed;
  }

  /** The ledger of an interface; it is kept when the interface goes, so that its counters do not step back. */
  interface(name: string): InterfaceLedger {
    let ledger = this.#interfaces.get(name);
    if (ledger === undefined) {
      ledger = new InterfaceLedger(name, this.ranges, this.addresses, this.#ipv4, this.#seed, this.zonings);
      this.#interfaces.set(name, ledger);
    }
    return ledger;
  }

  /** Drops the ledger of an interface, and lets others have its addresses; its counters begin anew should it return. */
  forget(name: string): void {
    this.addresses.used -= this.#interfaces.get(name)?.addressCount() ?? 0;
    this.#clearIpv4();
    this.#interfaces.delete(name);
  }

  interfaces(): InterfaceLedger[] {
    return [...this.#interfaces.values()];
  }

  /** Has all IPv4 tables begin again, with what is seen from now on. */
  #clearIpv4(): void {
    this.#ipv4.clear();
    for (const ledger of this.#interfaces.values()) ledger.clearIpv4();
  }
}
