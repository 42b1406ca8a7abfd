import { AddressIndex } from "../address-index.ts";
import { OTHER_VLAN } from "../vlans/vlan.ts";
import { Zone } from "../zones/zone.ts";

/**
 * Numbers for other ends of packets in VLANs, given out as they are seen. The first is that of what finds no place: OTHER
 * in OTHER_VLAN.
 */
export class VlanRemotes {
  readonly #index = new AddressIndex();
  readonly #limit: number;
  readonly #remotes: number[] = [];
  readonly #vlans: number[] = [];

  /** `limit`: how many numbers there are. */
  constructor(limit: number) {
    this.#limit = limit;
    this.admit(Zone.OTHER, OTHER_VLAN);
  }

  /** Gives a number to what has none; false if there is none left. */
  admit(remote: number, vlan: number): boolean {
    if (this.numberOf(remote, vlan) >= 0) return true;
    if (this.#remotes.length === this.#limit) return false;
    this.#index.add(remote, vlan, 0, 0, 0, this.#remotes.length);
    this.#remotes.push(remote);
    this.#vlans.push(vlan);
    return true;
  }

  /** The number, or -1. */
  numberOf(remote: number, vlan: number): number {
    return this.#index.find(remote, vlan, 0, 0, 0);
  }

  remoteOf(number: number): number {
    return this.#remotes[number]!;
  }

  vlanOf(number: number): number {
    return this.#vlans[number]!;
  }
}
