import { ErrorCode, PromtapError } from "../../../errors.ts";
import { OTHER_VLAN } from "../../../ledger/vlans/vlan.ts";
import * as bpf from "../../../native/bpf.ts";
import { MapSet } from "../maps.ts";
import { bpfRefusal } from "../refusal.ts";
import { Dispenser, dispenserBytes, type DispenserPlace } from "../tables/dispenser.ts";
import { FIRST_VLAN_NUMBER, vlanDispenser, type VlanMaps, VlanNumber, vlanNumbers } from "./vlan-layout.ts";

const WORD_BYTES = 4;

/** How many VLANs are told apart, and those that were before there was a program. */
export interface VlanBounds {
  readonly limit: number;
  readonly known: readonly number[];
}

/** The VLANs that programs tell apart, by their numbers. */
export class KernelVlans implements VlanMaps {
  readonly index: number;
  readonly names: number;
  readonly state: number;
  readonly dispenser: DispenserPlace;
  /** How many numbers there are. */
  readonly count: number;
  readonly #maps = new MapSet();
  readonly #names: Int32Array;
  readonly #dispenser: Dispenser;

  /** Throws PromtapError. */
  constructor({ limit, known }: VlanBounds) {
    this.count = vlanNumbers(limit);
    this.dispenser = vlanDispenser(limit);
    const maps = this.#maps;
    try {
      this.index = maps.create("vlans", bpf.BPF_MAP_TYPE_HASH, WORD_BYTES, WORD_BYTES, this.count);
      // Values are rounded up to 8 bytes.
      this.names = maps.create("vlannames", bpf.BPF_MAP_TYPE_ARRAY, 4, 2 * WORD_BYTES, this.count);
      this.#names = new Int32Array(maps.map(this.names, this.count * 2 * WORD_BYTES));
      const stateBytes = dispenserBytes(this.dispenser);
      this.state = maps.create("vlanstate", bpf.BPF_MAP_TYPE_ARRAY, 4, stateBytes, 1);
      const numbered = known.slice(0, limit);
      this.#number(numbered);
      const state = maps.map(this.state, stateBytes);
      this.#dispenser = new Dispenser(state, this.dispenser, FIRST_VLAN_NUMBER + numbered.length);
    } catch (error) {
      maps.close();
      throw error;
    }
  }

  /** One more than the highest number that a VLAN has. */
  get used(): number {
    return this.#dispenser.highest;
  }

  /** The VLAN of a number: see ledger/vlans/vlan.ts. */
  vlanOf(number: number): number {
    return number === VlanNumber.OTHER ? OTHER_VLAN : this.#names[2 * number]!;
  }

  close(): void {
    this.#maps.close();
  }

  #number(vlans: readonly number[]): void {
    for (const [k, vlan] of vlans.entries()) {
      const number = FIRST_VLAN_NUMBER + k;
      this.#names[2 * number] = vlan;
      const result = bpf.setElement(this.index, vlan, number);
      if (result >= 0) continue;
      throw new PromtapError(ErrorCode.HOST, `couldn't number VLANs in the kernel: ${bpfRefusal(result, "CAP_BPF")}`);
    }
  }
}
