import type { Accounts } from "../../../ledger/accounts/accounts.ts";
import type { FurtherCounts } from "../../../ledger/interface-ledger.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import { KernelVlans } from "../vlans/kernel-vlans.ts";
import { KernelAccounts } from "./kernel-accounts.ts";
import { KernelZones } from "./kernel-zones.ts";

/** The VLANs that are told apart by now: they have a number before others. */
export interface KnownVlans {
  ofAddresses(): readonly number[];
  ofAccounts(): readonly number[];
}

/** The tables in the kernel that all programs share, made when they are first asked for, as long as anything uses them. */
export class Finders {
  readonly #zones = new Map<Zoning, KernelZones>();
  readonly #accounts = new Map<Accounts, KernelAccounts>();
  #vlans: KernelVlans | undefined;
  #users = 0;

  /** Throws PromtapError. */
  zones(zoning: Zoning): KernelZones {
    const zones = this.#zonesOf(zoning);
    for (const _ of zones.fill());
    return zones;
  }

  /** Throws PromtapError. */
  accounts(of: Accounts, known?: KnownVlans): KernelAccounts {
    const accounts = this.#accountsOf(of, known);
    for (const _ of accounts.fill());
    return accounts;
  }

  /** Makes those of all in steps, which are made at once else. Throws PromtapError. */
  *make({ zonings, accounts }: FurtherCounts, known?: KnownVlans): Generator<void> {
    for (const zoning of zonings) {
      const zones = this.#zonesOf(zoning);
      yield;
      yield* zones.fill();
    }
    if (accounts === undefined) return;
    const made = this.#accountsOf(accounts, known);
    yield;
    yield* made.fill();
  }

  /** The VLANs of addresses. Throws PromtapError. */
  vlans(limit: number, known?: KnownVlans): KernelVlans {
    this.#vlans ??= new KernelVlans({ limit, known: known?.ofAddresses() ?? [] });
    return this.#vlans;
  }

  /** Lets something use them, until it leaves. */
  join(): void {
    this.#users++;
  }

  leave(): void {
    if (--this.#users === 0) this.#close();
  }

  #zonesOf(zoning: Zoning): KernelZones {
    const zones = this.#zones.get(zoning) ?? new KernelZones(zoning);
    this.#zones.set(zoning, zones);
    return zones;
  }

  #accountsOf(of: Accounts, known: KnownVlans | undefined): KernelAccounts {
    const accounts = this.#accounts.get(of) ?? new KernelAccounts(of, known?.ofAccounts());
    this.#accounts.set(of, accounts);
    return accounts;
  }

  #close(): void {
    for (const each of [...this.#zones.values(), ...this.#accounts.values()]) each.close();
    this.#vlans?.close();
    this.#vlans = undefined;
    this.#zones.clear();
    this.#accounts.clear();
  }
}
