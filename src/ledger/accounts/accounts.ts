import { PROTOCOL_COLUMNS } from "../../packet/protocols.ts";
import { AddressIndex } from "../address-index.ts";
import type { Direction } from "../rows.ts";
import type { KnownVlans } from "../vlans/known-vlans.ts";
import { NO_VLAN, OTHER_VLAN } from "../vlans/vlan.ts";
import { SlotPool } from "../zones/slot-pool.ts";
import { Zone } from "../zones/zone.ts";
import type { Zoning } from "../zones/zoning.ts";
import { VlanRemotes } from "./vlan-remotes.ts";

/** Combinations of what the other end of a packet is that are told apart at all. */
export const MAX_REMOTES = 2 ** 20;

/** What an account is for: a customer, what the other end of its packets is, the column of their protocol, their VLAN. */
export interface Account {
  readonly customer: number;
  readonly remote: number;
  readonly column: number;
  /** See vlans/vlan.ts; NO_VLAN if they are not told apart. */
  readonly vlan: number;
}

/** What accounts are told apart by, besides customers and other ends. */
export interface AccountsBy {
  readonly hasProtocols: boolean;
  /** Undefined if VLANs are not told apart. */
  readonly vlans: KnownVlans | undefined;
}

/**
 * The traffic of customers by what is at its other end: each pair that has packets is an account, and has series as long
 * as there is room. Shared by all interfaces.
 */
export class Accounts {
  /** Of the end that is a customer's. */
  readonly customers: Zoning;
  /** Of the other end, whatever that is. */
  readonly remotes: Zoning;
  /** Whether accounts are told apart by protocol; else all are of column 0. */
  readonly hasProtocols: boolean;
  readonly slots: SlotPool;
  readonly #vlans: KnownVlans | undefined;
  readonly #vlanRemotes: VlanRemotes | undefined;
  readonly #index = new AddressIndex();

  constructor(customers: Zoning, remotes: Zoning, { hasProtocols, vlans }: AccountsBy, limit: number) {
    this.customers = customers;
    this.remotes = remotes;
    this.hasProtocols = hasProtocols;
    this.#vlans = vlans;
    this.#vlanRemotes = vlans === undefined ? undefined : new VlanRemotes(MAX_REMOTES);
    this.slots = new SlotPool(limit, (owner) => {
      const { customer, remote, column, vlan } = this.#accountOf(owner);
      this.#index.remove(customer, remote, column, vlan, 0);
    });
    customers.watchReleases((released) => this.slots.drop((owner) => released[this.#accountOf(owner).customer] === 1));
    this.slots.watchPages(() => customers.tellGone());
  }

  /** Whether accounts are told apart by VLAN; else all are of NO_VLAN. */
  get hasVlans(): boolean {
    return this.#vlans !== undefined;
  }

  /** Most VLANs that are; undefined if none are. */
  get vlanLimit(): number | undefined {
    return this.#vlans?.limit;
  }

  /** The slot of an account that sends or receives, which is given one if there is room; else OTHER's. Hot. */
  slotOf(customer: number, remote: number, column: number, vlan: number, direction: Direction): number {
    const slot = this.#index.find(customer, remote, column, vlan, 0);
    return slot < 0 ? this.#admit(customer, remote, column, vlan, direction) : slot;
  }

  /** Likewise. */
  slotFor({ customer, remote, column, vlan }: Account, direction: Direction): number {
    return this.slotOf(customer, remote, column, vlan, direction);
  }

  hasSlot({ customer, remote, column, vlan }: Account): boolean {
    return this.#index.find(customer, remote, column, vlan, 0) >= 0;
  }

  /** The VLANs that are told apart. */
  vlans(): Iterable<number> {
    return this.#vlans?.all() ?? [];
  }

  /** What a slot from FIRST_NAMED on is for. */
  accountOf(slot: number): Account {
    return this.#accountOf(this.slots.ownerOf(slot));
  }

  #admit(customer: number, remote: number, column: number, vlan: number, direction: Direction): number {
    if (this.#vlans !== undefined) {
      if (this.#vlans.admit(vlan) !== vlan) return this.slotOf(customer, remote, column, OTHER_VLAN, direction);
      if (!this.#vlanRemotes!.admit(remote, vlan)) {
        return this.slotOf(customer, Zone.OTHER, column, OTHER_VLAN, direction);
      }
    }
    const slot = this.slots.admit(this.#ownerOf(customer, remote, column, vlan), direction);
    if (slot !== Zone.OTHER) this.#index.add(customer, remote, column, vlan, 0, slot);
    return slot;
  }

  /* The number of an account: 2^22 customers, 2^20 remotes and less than 2^4 columns are exact in a double. */

  #ownerOf(customer: number, remote: number, column: number, vlan: number): number {
    const place = this.#vlanRemotes?.numberOf(remote, vlan) ?? remote;
    return (customer * MAX_REMOTES + place) * PROTOCOL_COLUMNS + column;
  }

  #accountOf(owner: number): Account {
    const pair = Math.floor(owner / PROTOCOL_COLUMNS);
    const place = pair % MAX_REMOTES;
    return {
      customer: Math.floor(pair / MAX_REMOTES),
      remote: this.#vlanRemotes?.remoteOf(place) ?? place,
      column: owner % PROTOCOL_COLUMNS,
      vlan: this.#vlanRemotes?.vlanOf(place) ?? NO_VLAN,
    };
  }
}
