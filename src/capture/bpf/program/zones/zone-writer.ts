import { Direction } from "../../../../ledger/rows.ts";
import { Ends, Zone } from "../../../../ledger/zones/zone.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r0, r2, r3, r4, r6, r8, r9, r10 } from "../../assembly/instruction.ts";
import type { ZoneMaps } from "../../zones/zone-layout.ts";
import { writeLookUp } from "../look-up.ts";
import { KEY, ZONE_FROM, ZONE_TO } from "../storage.ts";
import { writeTake } from "../take-writer.ts";
import { writePlaceCount } from "./place-writer.ts";
import { findEnds } from "./zone-finder.ts";

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
    findEnds(this.#asm, zones, version, missing);
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
    if (zones.slots === undefined) return;
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

  /** Counts in slot r6 in direction r9. */
  #count(missing: Label): void {
    writePlaceCount(this.#asm, this.#counters, this.#counters.zones.slotCount, this.#unfolds, missing);
  }

  /** r0 = the value of the key on the stack. */
  #lookUp(fd: number, missing: Label): void {
    writeLookUp(this.#asm, fd, KEY, missing);
  }
}
