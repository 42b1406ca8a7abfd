import type { Accounts } from "../../../ledger/accounts/accounts.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import { KernelVlans, type VlanBounds } from "../vlans/kernel-vlans.ts";
import { KernelAccounts } from "./kernel-accounts.ts";
import { KernelZones } from "./kernel-zones.ts";

/** The tables in the kernel that all programs share, made when they are first asked for, as long as anything uses them. */
export class Finders {
  readonly #zones = new Map<Zoning, KernelZones>();
  readonly #accounts = new Map<Accounts, KernelAccounts>();
  #vlans: KernelVlans | undefined;
  #users = 0;

  /** Throws PromtapError. */
  zones(zoning: Zoning): KernelZones {
    const zones = this.#zones.get(zoning) ?? new KernelZones(zoning);
    this.#zones.set(zoning, zones);
    return zones;
  }

  /** `known`: see KernelAccounts. Throws PromtapError. */
  accounts(of: Accounts, known: readonly number[]): KernelAccounts {
    const accounts = this.#accounts.get(of) ?? new KernelAccounts(of, known);
    this.#accounts.set(of, accounts);
    return accounts;
  }

  /** The VLANs of addresses. Throws PromtapError. */
  vlans(bounds: VlanBounds): KernelVlans {
    this.#vlans ??= new KernelVlans(bounds);
    return this.#vlans;
  }

  /** Lets something use them, until it leaves. */
  join(): void {
    this.#users++;
  }

  leave(): void {
    if (--this.#users === 0) this.#close();
  }

  #close(): void {
    for (const each of [...this.#zones.values(), ...this.#accounts.values()]) each.close();
    this.#vlans?.close();
    this.#vlans = undefined;
    this.#zones.clear();
    this.#accounts.clear();
  }
}
