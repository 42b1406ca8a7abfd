import { Ends, Zone } from "../../../../ledger/zones/zone.ts";
import { DIRECTORY_BITS, SUBDIRECTORY, SUBDIRECTORY_BITS } from "../../../../ledger/zones/zone-table.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r0, r1, r2, r6, r8, r9, r10 } from "../../assembly/instruction.ts";
import { type SideMaps, ZONE_STATE, type ZoneTableMaps } from "../../zones/zone-layout.ts";
import { writeLookUp } from "../look-up.ts";
import { IPV4_DESTINATION, IPV4_SOURCE, IPV6_DESTINATION, IPV6_SOURCE, KEY, ZONE_FROM, ZONE_TO } from "../storage.ts";

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

/** Writes what finds the zones of both ends of a packet, ZONE_FROM and ZONE_TO. Uses up all registers but r7 and r10. */
export function findEnds(asm: Assembler, tables: ZoneTableMaps, version: 4 | 6, missing: Label): void {
  findSource(asm, tables, version, ZONE_FROM, missing);
  findDestination(asm, tables, version, ZONE_TO, missing);
}

/** Likewise, of the source alone, at a place on the stack. */
export function findSource(asm: Assembler, tables: ZoneTableMaps, version: 4 | 6, to: number, missing: Label): void {
  new ZoneFinder(asm, tables).find(version, version === 4 ? IPV4_SOURCE : IPV6_SOURCE, to, missing);
}

/** Likewise, of the destination. */
export function findDestination(
  asm: Assembler,
  tables: ZoneTableMaps,
  version: 4 | 6,
  to: number,
  missing: Label,
): void {
  new ZoneFinder(asm, tables).find(version, version === 4 ? IPV4_DESTINATION : IPV6_DESTINATION, to, missing);
}

class ZoneFinder {
  readonly #asm: Assembler;
  readonly #tables: ZoneTableMaps;

  constructor(asm: Assembler, tables: ZoneTableMaps) {
    this.#asm = asm;
    this.#tables = tables;
  }

  find(version: 4 | 6, address: number, to: number, missing: Label): void {
    if (version === 4) this.#findIpv4(this.#tables.ipv4, address, to, missing);
    else this.#findIpv6(this.#tables.ipv6, address, to, missing);
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
    if (this.#tables.ends === Ends.REMOTE) this.#findTranslated(address + LAST_WORD, to, missing);
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
      this.#findIpv4(this.#tables.ipv4, address, to, missing);
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
    asm.loadMapValue(r1, this.#tables.state, firstEntry);
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

  /** r0 = the value of the key on the stack. */
  #lookUp(fd: number, missing: Label): void {
    writeLookUp(this.#asm, fd, KEY, missing);
  }
}
