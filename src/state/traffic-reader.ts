import { Accounts, MAX_REMOTES } from "../ledger/accounts/accounts.ts";
import { SLOT_DOUBLES } from "../ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../ledger/interface-ledger.ts";
import { Ledger } from "../ledger/ledger.ts";
import { type Range, RangeTable } from "../ledger/ranges.ts";
import { Direction, ROW_CELLS } from "../ledger/rows.ts";
import { Ends, FIRST_NAMED } from "../ledger/zones/zone.ts";
import { BYTES, PACKETS, type SlotCounters, ZONE_DOUBLES } from "../ledger/zones/slot-counters.ts";
import { Zoning } from "../ledger/zones/zoning.ts";
import { KnownVlans } from "../ledger/vlans/known-vlans.ts";
import { PROTOCOL_COLUMNS } from "../packet/protocols.ts";
import type { ByteReader } from "./byte-reader.ts";
import { END, SHAPE, wordsOf } from "./traffic-writer.ts";

const MAX_LEDGERS = 64;
const MAX_INTERFACES = 2 ** 14;
/** VLANs of all interfaces, and parts of one. */
const MAX_PARTS = 2 ** 14;
const MAX_RANGES = 2 ** 22;
const MAX_LABELS = 1024;
const MAX_ZONINGS = 64;
/** Those of all interfaces together have their counters in memory from the first to the last. */
const MAX_SLOT_COUNTERS = 2 ** 27;
const MAX_SLOTS = 2 ** 22;
const MAX_WORD = 0xffff_ffff;

/** How the slots of a file are numbered now; 0 if one is for nothing. */
type Renumbered = Uint32Array;

/** What has slots in a ledger of a file. */
interface StoredSlots {
  readonly zonings: Zoning[];
  accounts: Accounts | undefined;
  /** Of each zoning, and of accounts. */
  readonly slots: Renumbered[];
}

/** The ledgers of a section of traffic, with at most so many addresses each. Throws an Error with the reason. */
export function readTraffic(reader: ByteReader, maxAddresses: number): Ledger[] {
  if (reader.text() !== SHAPE) throw new Error("it counts other protocols, sizes or reasons than this version");
  const ledgers: Ledger[] = [];
  for (let left = reader.whole(MAX_LEDGERS); left > 0; left--) ledgers.push(readLedger(reader, maxAddresses));
  return ledgers;
}

function readLedger(reader: ByteReader, maxAddresses: number): Ledger {
  const ranges: Range[] = [];
  for (let left = reader.whole(MAX_RANGES); left > 0; left--) ranges.push(readRange(reader));
  const stored = readStoredSlots(reader);
  const { zonings, accounts, slots } = stored;
  const maxVlans = reader.whole(1) === 1 ? MAX_PARTS : undefined;
  const ledger = new Ledger(new RangeTable(ranges), maxAddresses, zonings, { maxVlans, accounts });
  const interfaces = reader.whole(MAX_INTERFACES);
  const slotCount = slots.reduce((sum, { length }) => sum + length, 0);
  if (interfaces * slotCount * ZONE_DOUBLES > MAX_SLOT_COUNTERS) {
    throw new Error("it has more zones than there is room for");
  }
  for (let left = interfaces; left > 0; left--) readInterface(reader, ledger, slots);
  return ledger;
}

function readStoredSlots(reader: ByteReader): StoredSlots {
  const stored: StoredSlots = { zonings: [], accounts: undefined, slots: [] };
  for (let left = reader.whole(MAX_ZONINGS); left > 0; left--) readZoning(reader, stored);
  if (reader.whole(1) === 1) readAccounts(reader, stored);
  return stored;
}

function readRange(reader: ByteReader): Range {
  const version = reader.whole(6) === 4 ? 4 : 6;
  const bits = version === 4 ? 32 : 128;
  const rollupBits = reader.whole(bits);
  const first = readAddress(reader, version);
  const last = readAddress(reader, version);
  if (first > last) throw new Error("it has a range that ends before it starts");
  const labels: [string, string][] = [];
  for (let left = reader.whole(MAX_LABELS); left > 0; left--) labels.push([reader.text(), reader.text()]);
  return { version, first, last, rollupBits, labels, text: "" };
}

function readAddress(reader: ByteReader, version: 4 | 6): bigint {
  let address = 0n;
  for (let left = wordsOf(version); left > 0; left--) address = (address << 32n) | BigInt(reader.whole(MAX_WORD));
  return address;
}

function readZoning(reader: ByteReader, stored: StoredSlots): void {
  const label = reader.text();
  const ends = reader.text() === Ends.BOTH ? Ends.BOTH : Ends.REMOTE;
  const evicted = reader.count();
  const slots = new Uint32Array(reader.whole(MAX_SLOTS));
  const zoning = new Zoning(label, slots.length, FIRST_NAMED + slots.length, ends);
  zoning.slots.evicted = evicted;
  for (let slot = 1; slot < slots.length; slot++) {
    const zone = readZone(reader, zoning);
    if (zone > 0) slots[slot] = zoning.slotOf(zone, Direction.TX);
  }
  stored.zonings.push(zoning);
  stored.slots.push(slots);
}

function readAccounts(reader: ByteReader, stored: StoredSlots): void {
  const hasProtocols = reader.whole(1) === 1;
  const vlans = reader.whole(1) === 1 ? new KnownVlans(MAX_SLOTS) : undefined;
  const evicted = reader.count();
  const slots = new Uint32Array(reader.whole(MAX_SLOTS));
  const room = FIRST_NAMED + slots.length;
  const customers = new Zoning("customer", 0, room, Ends.BOTH);
  const remotes = new Zoning("remote", 0, Math.min(room, MAX_REMOTES));
  const accounts = new Accounts(customers, remotes, { hasProtocols, vlans }, slots.length);
  accounts.slots.evicted = evicted;
  for (let slot = 1; slot < slots.length; slot++) {
    slots[slot] = slot < FIRST_NAMED ? slot : readAccount(reader, accounts);
  }
  stored.accounts = accounts;
  stored.slots.push(slots);
}

/** The slot of an account; 0 if it is for none. */
function readAccount(reader: ByteReader, accounts: Accounts): number {
  const customer = readZone(reader, accounts.customers);
  const remote = readZone(reader, accounts.remotes);
  const column = reader.whole(PROTOCOL_COLUMNS - 1);
  const vlan = reader.whole(MAX_WORD) - 1;
  return customer === 0 ? 0 : accounts.slotOf(customer, remote, column, vlan, Direction.TX);
}

function readZone(reader: ByteReader, zoning: Zoning): number {
  const zone = reader.whole(FIRST_NAMED);
  return zone < FIRST_NAMED ? zone : zoning.zoneOf(reader.text());
}

function readInterface(reader: ByteReader, all: Ledger, slots: readonly Renumbered[]): void {
  const ledger = all.interface(reader.text());
  for (let left = reader.whole(MAX_PARTS); left > 0; left--) {
    readPart(reader, ledger.part(reader.whole(MAX_WORD) - 1));
  }
  const further = ledger.accounts === undefined ? ledger.zones : [...ledger.zones, ledger.accounts];
  for (const [index, { counts }] of further.entries()) readSlots(reader, counts, slots[index]!);
}

function readPart(reader: ByteReader, part: InterfaceLedger): void {
  part.lostBefore = reader.count();
  part.aggregatedPackets = reader.count();
  part.exhaustedPackets = reader.count();
  part.addresses.evicted = reader.count();
  part.addresses.refusedBefore = reader.count();
  for (const counts of [part.verdicts, part.unopened]) {
    for (let index = 0; index < counts.length; index++) counts[index] = reader.count();
  }
  readSlot(reader, part, ALL_SLOT);
  for (let range = reader.whole(MAX_RANGES); range !== END; range = reader.whole(MAX_RANGES)) {
    readRow(reader, part, range - 1);
  }
}

function readRow(reader: ByteReader, ledger: InterfaceLedger, index: number): void {
  const range = ledger.ranges.ranges[index];
  if (range === undefined) throw new Error("it has a row of no range");
  const row = reader.whole(1) === 1 ? ledger.addresses.otherRow(index) : readAddressRow(reader, ledger, index, range);
  const cells = reader.whole(2 ** ROW_CELLS - 1);
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    if ((cells & (1 << cell)) !== 0) readSlot(reader, ledger, ledger.addresses.slotOf(row, cell));
  }
}

function readAddressRow(reader: ByteReader, ledger: InterfaceLedger, index: number, { version }: Range): number {
  const words = [0, 0, 0, 0];
  for (let k = 0; k < wordsOf(version); k++) words[k] = reader.whole(MAX_WORD) | 0;
  const [word0, word1, word2, word3] = words as [number, number, number, number];
  return ledger.addresses.row(index, word0, word1, word2, word3, true);
}

/** Adds: of addresses that find no place, several have the same slot. */
function readSlot(reader: ByteReader, { slots }: InterfaceLedger, slot: number): void {
  const start = slot * SLOT_DOUBLES;
  for (let at = start; at < start + SLOT_DOUBLES; at++) slots.counters[at]! += reader.count();
}

function readSlots(reader: ByteReader, into: SlotCounters, slots: Renumbered): void {
  for (let stored = reader.whole(MAX_SLOTS); stored !== END; stored = reader.whole(MAX_SLOTS)) {
    const slot = slots[stored] ?? 0;
    if (slot === 0) throw new Error("it has counts of no zone");
    for (const direction of [Direction.TX, Direction.RX]) {
      const counts = [0, 0];
      counts[PACKETS] = reader.count();
      counts[BYTES] = reader.count();
      into.add(slot, direction, counts[PACKETS], counts[BYTES]);
    }
  }
}
