import { Accounts, type AccountsBy } from "../ledger/accounts/accounts.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import { NO_VLAN, OTHER_VLAN, vlanLabel } from "../ledger/vlans/vlan.ts";
import type { SlotCounters } from "../ledger/zones/slot-counters.ts";
import type { SlotPool } from "../ledger/zones/slot-pool.ts";
import { FIRST_NAMED, Zone } from "../ledger/zones/zone.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import { PROTOCOL_LABELS } from "../packet/protocols.ts";
import { labelText } from "../page/labels.ts";
import type { Customers } from "./customers.ts";
import { MadeSlotLabels } from "./slot-labels.ts";

/** What the other ends of packets are told apart by: the zones of a zoning, named by their labels. */
export interface Remotes {
  readonly zoning: Zoning;
  /** The labels of what found no place. */
  readonly otherLabels: string;
}

/** Customers, each by what is at the other end of its packets, and by their VLAN and protocol. */
export class CustomerAccounts {
  readonly accounts: Accounts;
  readonly labels: MadeSlotLabels;
  readonly #customers: Customers;
  readonly #remotes: Remotes;

  /** `limit`: most accounts that have series. */
  constructor(customers: Customers, remotes: Remotes, by: AccountsBy, limit: number) {
    this.accounts = new Accounts(customers.zoning, remotes.zoning, by, limit);
    this.#customers = customers;
    this.#remotes = remotes;
    this.labels = new MadeSlotLabels(this.accounts.slots, (slot) => this.labelsOf(slot));
  }

  get slots(): SlotPool {
    return this.accounts.slots;
  }

  countsOf(ledger: InterfaceLedger): SlotCounters {
    return ledger.accounts!.counts;
  }

  /** The labels of what has a slot; a protocol without a name of its own has none. */
  labelsOf(slot: number): string {
    const { customer, remote, column, vlan } = this.accounts.accountOf(slot);
    return joined([
      customer < FIRST_NAMED ? this.#customers.otherLabels : this.#customers.zoning.nameOf(customer),
      this.#remoteLabels(remote),
      vlan === NO_VLAN ? "" : labelText("vlan", vlanLabel(vlan)),
      column === 0 ? "" : labelText("protocol", PROTOCOL_LABELS[column]!),
    ]);
  }

  /** The labels of what found no place. */
  get otherLabels(): string {
    const protocol = this.accounts.hasProtocols ? labelText("protocol", "other") : "";
    const vlan = this.accounts.hasVlans ? labelText("vlan", vlanLabel(OTHER_VLAN)) : "";
    return joined([this.#customers.otherLabels, this.#remotes.otherLabels, vlan, protocol]);
  }

  get isOver(): boolean {
    return this.#customers.isOver;
  }

  #remoteLabels(remote: number): string {
    if (remote === Zone.OTHER) return this.#remotes.otherLabels;
    return remote < FIRST_NAMED ? "" : this.#remotes.zoning.nameOf(remote);
  }
}

function joined(labels: readonly string[]): string {
  return labels.filter((text) => text !== "").join(",");
}
