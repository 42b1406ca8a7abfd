import type { Accounts } from "../../../ledger/accounts/accounts.ts";
import type { Zoning } from "../../../ledger/zones/zoning.ts";
import { KernelAccounts } from "./kernel-accounts.ts";
import { KernelZones } from "./kernel-zones.ts";

/** The tables in the kernel that all programs share, made when they are first asked for. */
export class Finders {
  readonly #zones = new Map<Zoning, KernelZones>();
  readonly #accounts = new Map<Accounts, KernelAccounts>();

  /** Throws PromtapError. */
  zones(zoning: Zoning): KernelZones {
    const zones = this.#zones.get(zoning) ?? new KernelZones(zoning);
    this.#zones.set(zoning, zones);
    return zones;
  }

  /** Throws PromtapError. */
  accounts(of: Accounts): KernelAccounts {
    const accounts = this.#accounts.get(of) ?? new KernelAccounts(of);
    this.#accounts.set(of, accounts);
    return accounts;
  }

  close(): void {
    for (const each of [...this.#zones.values(), ...this.#accounts.values()]) each.close();
    this.#zones.clear();
    this.#accounts.clear();
  }
}
