import { Direction } from "../../../ledger/rows.ts";
import { Ends, Zone } from "../../../ledger/zones/zone.ts";
import { DIRECTORY_BITS, SUBDIRECTORY, SUBDIRECTORY_BITS } from "../../../ledger/zones/zone-table.ts";
import type { Assembler, Label } from "../assembly/assembler.ts";
import { BPF_FUNC } from "../assembly/helper.ts";
import { r0, r1, r2, r3, r4, r6, r7, r8, r9, r10 } from "../assembly/instruction.ts";
import {
  FULL_PACKETS,
  IPV4_DESTINATION,
  IPV4_SOURCE,
  IPV6_DESTINATION,
  IPV6_SOURCE,
  KEY,
  ZONE_FROM,
  ZONE_TO,
} from "./storage.ts";
import { writeTake } from "./take-writer.ts";
import { COUNTER_BYTES, COUNTER_PACKETS, type SideMaps, ZONE_STATE, type ZoneMaps } from "../zones/zone-layout.ts";
import { writeLookUp } from "./look-up.ts";

/** Of an IPv6 address. */
const LAST_WORD = 12;

/** Offsets in a span of IPv4, and of IPv6. */
const START = 0;
const IPV4_ZONE_OFFSET = 4;
const START_LOW = 8;
const IPV6_ZONE_OFFSET = 16;
/** Offsets in an entry of a directory. */
const LOWEST = 0;
const HIGHEST = 4;

/**
 * Writes what counts a packet by zone, as ledger/zones/zone-ledger.ts does: the size of all that it stands for is in r7,
 * its addresses are on the stack. Uses up all registers but r7 and r10.
 */
export function writeZoneCounting(asm: Assembler, counters: ZoneMaps, version: 4 | 6, unfolds: boolean): void {
  new ZoneWriter(asm, counters, unfolds).write(version);
}

class ZoneWriter {
  readonly #asm: Assembler;
  readonly #counters: ZoneMaps;
  readonly #unfolds: boolean;

  constructor(asm: Assembler, counters: ZoneMaps, unfolds: boolean) {
    this.#asm = asm;
    this.#counters = counters;
    this.#unfolds = unfolds;
  }

  write(version: 4 | 6): void {
    const { zones } = this.#counters;
    const missing = this.#asm.label("zone_counted");
    if (version === 4) {
      this.#findIpv4(zones.ipv4, IPV4_SOURCE, ZONE_FROM, missing);
      this.#findIpv4(zones.ipv4, IPV4_DESTINATION, ZONE_TO, missing);
    } else {
      this.#findIpv6(zones.ipv6, IPV6_SOURCE, ZONE_FROM, missing);
      this.#findIpv6(zones.ipv6, IPV6_DESTINATION, ZONE_TO, missing);
    }
    if (zones.ends === Ends.BOTH) {
      this.#countEnd(ZONE_FROM, Direction.TX, missing);
      this.#countEnd(ZONE_TO, Direction.RX, missing);
    } else {
      this.#chooseRemote();
      this.#loadSlot(missing);
      this.#count(missing);
    }
    this.#asm.place(missing);
  }

  /** Counts for the zone at a place on the stack, if it is one. */
  #countEnd(zone: number, direction: Direction, missing: Label): void {
    const asm = this.#asm;
    const counted = asm.label("end_counted");
    asm.comment(direction === Direction.TX ? "the zone of the source" : "the zone of the destination");
    asm.load(8, r6, r10, zone);
    asm.jeq(r6, Zone.UNKNOWN, counted);
    asm.mov(r9, direction);
    this.#loadSlot(missing);
    this.#count(missing);
    asm.place(counted);
  }

  /**
   * The zone of the address at a place on the stack. Without a jump that depends on the address but the last, because a
   * processor guesses those wrong as often as right: r6 is the lowest span that it can be, r8 how many follow, r9 the
   * address.
   */
  #findIpv4({ directory, spans, steps }: SideMaps, address: number, to: number, missing: Label): void {
    const asm = this.#asm;
    const found = asm.label("span_found");
    asm.comment(`the zone of the IPv4 address at ${address}: r6 = lowest span it can be in, r8 = spans that follow`);
    asm.load(4, r9, r10, address);
    asm.be(r9, 32);
    asm.mov(r2, r9);
    asm.rsh(r2, DIRECTORY_BITS);
    this.#loadEntry(directory, ZONE_STATE.FIRST_ENTRY_IPV4, missing);
    asm.sub(r8, r6);
    for (let step = 0; step < steps; step++) {
      asm.jeq(r8, 0, found);
      this.#lookUpMiddle(spans, missing);
      asm.comment("r2 = all ones if the span starts at or below the address, else 0");
      asm.load(4, r1, r0, START);
      asm.mov(r2, r9);
      asm.sub(r2, r1);
      asm.arsh(r2, 63);
      asm.xor(r2, -1);
      asm.load(4, r1, r10, KEY);
      asm.sub(r1, r6);
      asm.and(r1, r2);
      asm.add(r6, r1);
      // What is known of the register must not differ by the path: see forgetPath.
      asm.mov32(r6, r6);
      asm.rsh(r8, 1);
    }
    asm.place(found);
    asm.store(4, r10, KEY, r6);
    this.#lookUp(spans, missing);
    asm.load(4, r1, r0, IPV4_ZONE_OFFSET);
    asm.store(8, r10, to, r1);
  }

  /** Likewise; the halves of the address are loaded for every compare, so that nothing is learned of them. */
  #findIpv6({ directory, spans, steps }: SideMaps, address: number, to: number, missing: Label): void {
    const asm = this.#asm;
    const single = asm.label("without_subdirectory");
    const found = asm.label("span_found");
    asm.comment(`the zone of the IPv6 address at ${address}: r6 = lowest span it can be in, r8 = spans that follow`);
    asm.load(4, r2, r10, address);
    asm.be(r2, 32);
    asm.mov(r9, r2);
    asm.rsh(r2, DIRECTORY_BITS);
    this.#loadEntry(directory, ZONE_STATE.FIRST_ENTRY_IPV6, missing);
    asm.mov32(r1, SUBDIRECTORY | 0);
    asm.jne(r8, r1, single);
    asm.rsh(r9, DIRECTORY_BITS - SUBDIRECTORY_BITS);
    asm.and(r9, (1 << SUBDIRECTORY_BITS) - 1);
    asm.add(r9, r6);
    asm.store(4, r10, KEY, r9);
    this.#lookUp(directory, missing);
    asm.load(4, r6, r0, LOWEST);
    asm.load(4, r8, r0, HIGHEST);
    asm.place(single);
    asm.sub(r8, r6);
    for (let step = 0; step < steps; step++) {
      const below = asm.label("starts_below");
      const next = asm.label("halved");
      asm.jeq(r8, 0, found);
      this.#lookUpMiddle(spans, missing);
      this.#loadHalf(address);
      asm.load(8, r2, r0, START);
      asm.jlt(r1, r2, next);
      asm.jne(r1, r2, below);
      this.#loadHalf(address + 8);
      asm.load(8, r2, r0, START_LOW);
      asm.jlt(r1, r2, next);
      asm.place(below);
      asm.load(4, r6, r10, KEY);
      asm.place(next);
      asm.mov32(r6, r6);
      asm.rsh(r8, 1);
    }
    asm.place(found);
    asm.store(4, r10, KEY, r6);
    this.#lookUp(spans, missing);
    asm.load(4, r1, r0, IPV6_ZONE_OFFSET);
    asm.store(8, r10, to, r1);
    if (this.#counters.zones.ends === Ends.REMOTE) this.#findTranslated(address + LAST_WORD, to, missing);
  }

  /** If zone r1 is that of NAT64, the zone of the IPv4 address at a place on the stack takes its place. */
  #findTranslated(address: number, to: number, missing: Label): void {
    const asm = this.#asm;
    const translated = asm.label("translated");
    const next = asm.label("not_translated");
    asm.jeq(r1, Zone.TRANSLATED, translated);
    asm.place(next);
    asm.putOff(() => {
      asm.place(translated);
      this.#findIpv4(this.#counters.zones.ipv4, address, to, missing);
      asm.jump(next);
    });
  }

  /** r1 = half of an IPv6 address. */
  #loadHalf(address: number): void {
    this.#asm.load(8, r1, r10, address);
    this.#asm.be(r1, 64);
  }

  /** r6 = lowest and r8 = highest span of entry r2 of the directory that is in use. */
  #loadEntry(directory: number, firstEntry: number, missing: Label): void {
    const asm = this.#asm;
    asm.loadMapValue(r1, this.#counters.zones.state, firstEntry);
    asm.load(4, r1, r1, 0);
    asm.add(r2, r1);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(directory, missing);
    asm.load(4, r6, r0, LOWEST);
    asm.load(4, r8, r0, HIGHEST);
  }

  /** r0 = the span in the middle of r8 that follow r6; its number stands on the stack. */
  #lookUpMiddle(spans: number, missing: Label): void {
    const asm = this.#asm;
    asm.mov(r2, r8);
    asm.add(r2, 1);
    asm.rsh(r2, 1);
    asm.add(r2, r6);
    asm.store(4, r10, KEY, r2);
    this.#lookUp(spans, missing);
  }

  /** r6 = zone to count for; r9 = 0 if the packet was sent there, 1 if it came from there. */
  #chooseRemote(): void {
    const asm = this.#asm;
    const received = asm.label("received");
    const sent = asm.label("sent");
    const chosen = asm.label("chosen");
    asm.comment("r6 = zone of the remote end, r9 = 1 if the packet came from there");
    asm.load(8, r6, r10, ZONE_FROM);
    asm.load(8, r2, r10, ZONE_TO);
    // r3 and r4 = how near both are.
    const [fromIsNear, toIsNear] = [asm.label("source_near"), asm.label("destination_near")];
    asm.mov(r3, r6);
    asm.jle(r3, Zone.LOCAL, fromIsNear);
    asm.mov(r3, Zone.UNKNOWN);
    asm.place(fromIsNear);
    asm.mov(r4, r2);
    asm.jle(r4, Zone.LOCAL, toIsNear);
    asm.mov(r4, Zone.UNKNOWN);
    asm.place(toIsNear);
    asm.mov(r9, 0);
    asm.jgt(r4, r3, received);
    asm.jgt(r3, r4, sent);
    asm.jne(r3, Zone.UNKNOWN, chosen);
    asm.mov(r6, Zone.TRANSIT);
    asm.jump(chosen);
    asm.place(sent);
    asm.mov(r6, r2);
    asm.jump(chosen);
    asm.place(received);
    asm.mov(r9, 1);
    asm.place(chosen);
  }

  /** r6 = slot of zone r6, which is given one if it has none and there is room. */
  #loadSlot(missing: Label): void {
    const asm = this.#asm;
    const { zones } = this.#counters;
    const hasNone = asm.label("new_zone");
    const hasSlot = asm.label("zone_has_slot");
    const sends = asm.label("zone_is_sent_to");
    const full = asm.label("zones_full");
    const publish = asm.label("publish_zone");
    asm.comment("r6 = slot of zone r6");
    asm.store(4, r10, KEY, r6);
    this.#lookUp(zones.slots, missing);
    asm.load(4, r6, r0, 0);
    asm.jeq(r6, 0, hasNone);
    asm.place(hasSlot);
    asm.putOff(() => {
      asm.place(hasNone);
      asm.mov(r8, r0);
      asm.jeq(r9, 0, sends);
      writeTake(asm, zones.state, zones.slotDispenser, zones.slotsForSenders, full);
      asm.jump(publish);
      asm.place(sends);
      writeTake(asm, zones.state, zones.slotDispenser, 0, full);
      asm.place(publish);
      asm.mov(r6, r2);
      asm.mov(r0, 0);
      asm.atomicCompareExchange(4, r8, 0, r2);
      asm.jeq(r0, 0, hasSlot);
      asm.comment("another CPU was faster: its slot is the one");
      asm.mov(r6, r0);
      asm.jump(hasSlot);
      asm.place(full);
      asm.mov(r6, Zone.OTHER);
      asm.jump(hasSlot);
    });
  }

  /** Adds to slot r6 in direction r9, in the lane of this CPU. */
  #count(missing: Label): void {
    const asm = this.#asm;
    const { fd, lanes, isAtomic, zones } = this.#counters;
    asm.comment("count in slot r6, in direction r9");
    if (lanes > 1) {
      asm.call(BPF_FUNC.GET_SMP_PROCESSOR_ID);
      asm.and(r0, lanes - 1);
      asm.mul(r0, zones.slotCount);
      asm.add(r6, r0);
    }
    asm.lsh(r6, 1);
    asm.add(r6, r9);
    asm.store(4, r10, KEY, r6);
    this.#lookUp(fd, missing);
    if (this.#unfolds) {
      asm.load(8, r2, r10, FULL_PACKETS);
      asm.add(r2, 1);
    } else asm.mov(r2, 1);
    if (isAtomic) {
      asm.atomicAdd(8, r0, COUNTER_BYTES, r7);
      asm.atomicAdd(8, r0, COUNTER_PACKETS, r2);
      return;
    }
    asm.load(8, r1, r0, COUNTER_BYTES);
    asm.add(r1, r7);
    asm.store(8, r0, COUNTER_BYTES, r1);
    asm.load(8, r1, r0, COUNTER_PACKETS);
    asm.add(r1, r2);
    asm.store(8, r0, COUNTER_PACKETS, r1);
  }

  /** r0 = the value of the key on the stack. */
  #lookUp(fd: number, missing: Label): void {
    writeLookUp(this.#asm, fd, KEY, missing);
  }
}
