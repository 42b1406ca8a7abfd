import type { Packet } from "../../packet/packet.ts";
import type { FrameCounts } from "../zones/zoned-sink.ts";
import { NO_VLAN, OTHER_VLAN } from "./vlan.ts";

/** How many VLANs may have series, over all interfaces, and have. */
export class VlanQuota {
  readonly limit: number;
  used = 0;

  constructor(limit: number) {
    this.limit = limit;
  }
}

/** Counts the frames of an interface by their VLAN, in a part for each; those that find no room in that of the others. */
export class VlanSink<Part extends FrameCounts> implements FrameCounts {
  readonly #untagged: Part;
  readonly #quota: VlanQuota;
  readonly #open: (vlan: number) => Part;
  readonly #parts = new Map<number, Part>();
  #used = 0;

  constructor(untagged: Part, quota: VlanQuota, open: (vlan: number) => Part) {
    this.#untagged = untagged;
    this.#quota = quota;
    this.#open = open;
  }

  record(packet: Packet): void {
    this.part(packet.vlan).record(packet);
  }

  /** Leaves it to `record`, which is told the VLAN. */
  recordIpv4(): boolean {
    return false;
  }

  recordIpv6(): boolean {
    return false;
  }

  recordAggregated(packet: Packet): void {
    this.part(packet.vlan).recordAggregated(packet);
  }

  /** What counts a VLAN: see vlan.ts. */
  part(vlan: number): Part {
    return vlan === NO_VLAN ? this.#untagged : (this.#parts.get(vlan) ?? this.#add(vlan));
  }

  /** What counts VLANs that were seen. */
  parts(): Iterable<Part> {
    return this.#parts.values();
  }

  /** Lets others have its VLANs. */
  release(): void {
    this.#quota.used -= this.#used;
    this.#used = 0;
  }

  #add(vlan: number): Part {
    if (vlan !== OTHER_VLAN) {
      if (this.#quota.used >= this.#quota.limit) return this.part(OTHER_VLAN);
      this.#quota.used++;
      this.#used++;
    }
    const part = this.#open(vlan);
    this.#parts.set(vlan, part);
    return part;
  }
}
