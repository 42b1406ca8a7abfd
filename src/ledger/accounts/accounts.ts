import { PROTOCOL_COLUMNS } from "../../packet/protocols.ts";
import { AddressIndex } from "../address-index.ts";
import type { Direction } from "../rows.ts";
import { SlotPool } from "../zones/slot-pool.ts";
import { Zone } from "../zones/zone.ts";
import type { Zoning } from "../zones/zoning.ts";

/** Combinations of what the other end of a packet is that are told apart at all. */
export const MAX_REMOTES = 2 ** 20;

/** What an account is for: a customer, what the other end of its packets is, and the column of their protocol. */
export interface Account {
  readonly customer: number;
  readonly remote: number;
  readonly column: number;
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
  readonly #index = new AddressIndex();

  constructor(customers: Zoning, remotes: Zoning, hasProtocols: boolean, limit: number) {
    this.customers = customers;
    this.remotes = remotes;
    this.hasProtocols = hasProtocols;
    this.slots = new SlotPool(limit, (owner) => {
      const { customer, remote, column } = accountOf(owner);
      this.#index.remove(customer, remote, column, 0, 0);
    });
    customers.watchReleases((released) => this.slots.drop((owner) => released[accountOf(owner).customer] === 1));
    this.slots.watchPages(() => customers.tellGone());
  }

  /** The slot of an account that sends or receives, which is given one if there is room; else OTHER's. Hot. */
  slotOf(customer: number, remote: number, column: number, direction: Direction): number {
    const slot = this.#index.find(customer, remote, column, 0, 0);
    return slot < 0 ? this.#admit(customer, remote, column, direction) : slot;
  }

  hasSlot({ customer, remote, column }: Account): boolean {
    return this.#index.find(customer, remote, column, 0, 0) >= 0;
  }

  /** What a slot from FIRST_NAMED on is for. */
  accountOf(slot: number): Account {
    return accountOf(this.slots.ownerOf(slot));
  }

  #admit(customer: number, remote: number, column: number, direction: Direction): number {
    const slot = this.slots.admit(ownerOf(customer, remote, column), direction);
    if (slot !== Zone.OTHER) this.#index.add(customer, remote, column, 0, 0, slot);
    return slot;
  }
}

/* The number of an account: 2^22 customers, 2^20 remotes and less than 2^4 columns are exact in a double. */

function ownerOf(customer: number, remote: number, column: number): number {
  return (customer * MAX_REMOTES + remote) * PROTOCOL_COLUMNS + column;
}

function accountOf(owner: number): Account {
  const pair = Math.floor(owner / PROTOCOL_COLUMNS);
  return { customer: Math.floor(pair / MAX_REMOTES), remote: pair % MAX_REMOTES, column: owner % PROTOCOL_COLUMNS };
}
