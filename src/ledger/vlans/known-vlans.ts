import { NO_VLAN, OTHER_VLAN } from "./vlan.ts";

/** The VLANs that are told apart: those that were seen first, as many as the limit says. */
export class KnownVlans {
  readonly limit: number;
  readonly #known = new Set<number>();

  constructor(limit: number) {
    this.limit = limit;
  }

  all(): Iterable<number> {
    return this.#known;
  }

  /** What stands for a VLAN: itself, or OTHER_VLAN if there is no room for one more. */
  admit(vlan: number): number {
    if (vlan === NO_VLAN || vlan === OTHER_VLAN || this.#known.has(vlan)) return vlan;
    if (this.#known.size >= this.limit) return OTHER_VLAN;
    this.#known.add(vlan);
    return vlan;
  }
}
