import { Ends, Zone } from "../../../../ledger/zones/zone.ts";
import {
  DIRECTORY_BITS,
  DIRECTORY_ENTRIES,
  SUBDIRECTORY,
  SUBDIRECTORY_BITS,
} from "../../../../ledger/zones/zone-table.ts";
import type { Assembler, Label } from "../../assembly/assembler.ts";
import { r0, r1, r2, r3, r6, r8, r9, r10 } from "../../assembly/instruction.ts";
import {
  GROUP_BYTES,
  GROUP_ENTRIES,
  type Ipv4Maps,
  type Ipv6Maps,
  IS_NODE,
  NODE_PIECES,
  SIZE_BITS,
  ZONE_STATE,
  type ZoneTableMaps,
} from "../../zones/zone-layout.ts";
import { writeLookUp } from "../look-up.ts";
import { IPV4_DESTINATION, IPV4_SOURCE, IPV6_DESTINATION, IPV6_SOURCE, KEY, ZONE_FROM, ZONE_TO } from "../storage.ts";

/** Of an IPv6 address. */
const LAST_WORD = 12;

const GROUP_BITS = Math.log2(GROUP_ENTRIES);

/** Offsets in a span of IPv6. */
const START = 0;
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
   * The zone of the address at a place on the stack. Without a jump that depends on the address, as long as there is one
   * node, so that the processor goes on to the other end of the packet while it waits for the memory of this one.
   */
  #findIpv4({ directory, nodes, levels }: Ipv4Maps, address: number, to: number, missing: Label): void {
    const asm = this.#asm;
    const deep = asm.label("deep");
    const found = asm.label("zone_found");
    asm.comment(`the zone of the IPv4 address at ${address}: r9 = address and 1, r6 = node`);
    asm.load(4, r9, r10, address);
    asm.be(r9, 32);
    asm.mov(r2, r9);
    asm.add(r9, 1);
    asm.rsh(r2, DIRECTORY_BITS);
    asm.loadMapValue(r1, this.#tables.state, ZONE_STATE.FIRST_ENTRY_IPV4);
    asm.load(4, r1, r1, 0);
    asm.add(r1, r2);
    asm.rsh(r1, GROUP_BITS);
    asm.lsh(r1, Math.log2(GROUP_BYTES));
    asm.and(r1, (2 * DIRECTORY_ENTRIES * GROUP_BYTES) / GROUP_ENTRIES - GROUP_BYTES);
    asm.loadMapValue(r3, directory, 0);
    asm.add(r3, r1);
    asm.load(4, r6, r3, 0);
    asm.load(4, r1, r3, 4);
    asm.comment("r6 += steps in r1 up to entry r2");
    asm.xor(r2, -1);
    asm.and(r2, GROUP_ENTRIES - 1);
    asm.lsh(r1, r2);
    this.#countBits();
    asm.add(r6, r1);
    asm.store(4, r10, KEY, r6);
    this.#searchNode(nodes, missing);
    asm.jset(r1, IS_NODE | 0, deep);
    asm.place(found);
    asm.comment("r1 = its zone, or UNKNOWN if the piece ends before the address");
    asm.load(4, r2, r0, 0);
    asm.sub(r9, r2);
    asm.sub(r9, 1);
    asm.mov(r2, r1);
    asm.and(r2, (1 << SIZE_BITS) - 1);
    asm.rsh(r9, r2);
    asm.rsh(r1, SIZE_BITS);
    asm.mov(r2, 0);
    asm.sub(r2, r9);
    asm.arsh(r2, 63);
    asm.sub(r1, Zone.UNKNOWN);
    asm.xor(r2, -1);
    asm.and(r1, r2);
    asm.add(r1, Zone.UNKNOWN);
    asm.store(8, r10, to, r1);
    asm.putOff(() => {
      asm.place(deep);
      for (let level = 1; level < levels; level++) {
        if (level > 1) {
          const deeper = asm.label("deeper");
          asm.jset(r1, IS_NODE | 0, deeper);
          asm.jump(found);
          asm.place(deeper);
        }
        asm.and(r1, ~IS_NODE);
        asm.store(4, r10, KEY, r1);
        this.#searchNode(nodes, missing);
      }
      asm.jump(found);
    });
  }

  /** r1 = how many of the lower 32 bits of r1 are set: Hacker's Delight, 5-1. */
  #countBits(): void {
    const asm = this.#asm;
    asm.mov(r2, r1);
    asm.rsh32(r2, 1);
    asm.and(r2, 0x5555_5555);
    asm.sub32(r1, r2);
    asm.mov32(r2, r1);
    asm.rsh(r2, 2);
    asm.and(r2, 0x3333_3333);
    asm.and(r1, 0x3333_3333);
    asm.add(r1, r2);
    asm.mov(r2, r1);
    asm.rsh(r2, 4);
    asm.add(r1, r2);
    asm.and(r1, 0x0f0f_0f0f);
    asm.mul(r1, 0x0101_0101);
    asm.rsh(r1, 24);
    asm.and(r1, 0xff);
  }

  /** r1 = what the node whose number is on the stack says of address r9 - 1. */
  #searchNode(nodes: number, missing: Label): void {
    const asm = this.#asm;
    this.#lookUp(nodes, missing);
    asm.comment("r0 = last start at or below the address, by halves; r1 = what is said of it");
    for (let half = NODE_PIECES / 2; half >= 1; half /= 2) {
      asm.load(4, r1, r0, half * 4);
      asm.sub(r1, r9);
      asm.rsh(r1, 63);
      asm.lsh(r1, Math.log2(half * 4));
      asm.add(r0, r1);
    }
    asm.load(4, r1, r0, NODE_PIECES * 4);
  }

  /** Likewise; the halves of the address are loaded for every compare, so that nothing is learned of them. */
  #findIpv6({ directory, spans, steps }: Ipv6Maps, address: number, to: number, missing: Label): void {
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
