import type { Accounts } from "../ledger/accounts/accounts.ts";
import { BUCKET_BOUNDS, SLOT_DOUBLES } from "../ledger/histogram.ts";
import { ALL_SLOT, type InterfaceLedger } from "../ledger/interface-ledger.ts";
import type { Ledger } from "../ledger/ledger.ts";
import type { Range } from "../ledger/ranges.ts";
import { ROW_CELLS } from "../ledger/rows.ts";
import { FIRST_NAMED } from "../ledger/zones/zone.ts";
import { ZONE_DOUBLES } from "../ledger/zones/slot-counters.ts";
import { NO_VLAN } from "../ledger/vlans/vlan.ts";
import type { Zoning } from "../ledger/zones/zoning.ts";
import { Unopened, Verdict } from "../packet/packet.ts";
import { PROTOCOL_LABELS } from "../packet/protocols.ts";
import { ByteWriter } from "./byte-writer.ts";

/** Rows, ranges or slots that are written before the event loop gets its turn. */
const PER_TURN = 1024;
/** Counts are moved when ranges change, and when an interface comes that a run before knew: both are rare. */
const MAX_ATTEMPTS = 5;

/** Which of the totals of a part is what was lost. */
const LOST = 0;

/** Ends a list whose length is not known before. */
export const END = 0;

/** What counters stand for, so that others are not taken for them. */
export const SHAPE = JSON.stringify([PROTOCOL_LABELS, BUCKET_BOUNDS, Object.keys(Verdict), Object.keys(Unopened)]);

/*
 * The section of traffic. Numbers and texts are those of ByteWriter.
 *
 *     shape: text | number of ledgers | ledger ...
 *
 *     ledger    | number of ranges | range ... | number of zonings | zoning ... | number of accounts, 0 or 1 | accounts |
 *               | has VLANs | number of interfaces | interface ... |
 *     range     | version | rollup bits | first: words | last: words | number of labels | name: text, value: text ... |
 *     zoning    | label: text | ends: text | evicted | number of slots | zone of each slot from 1 on ... |
 *     zone      | number, or FIRST_NAMED | its name: text, if it is FIRST_NAMED |
 *     accounts  | has protocols | has VLANs | evicted | number of slots | account of each slot from FIRST_NAMED on ... |
 *     account   | customer: zone | remote: zone | column | VLAN + 1 |
 *     interface | name: text | number of parts | part ... | slots of each zoning, and of accounts |
 *     part      | VLAN + 1 | totals | histogram of all | row ... | END |
 *     row       | range + 1 | is other | address: words, if not | cells: a bit each | histogram of each cell |
 *     slots     | slot | counters | ... | END |
 *
 * The first ledger is the one that counts. Others are of runs before, with interfaces that have not come back yet.
 */

/**
 * The traffic of a ledger, as it is now: each interface as it is at one moment, with all that is on its page. `lost`: the
 * packets that were lost in this run, by interface. The event loop has its turns. Throws an Error if the counts keep
 * moving meanwhile.
 */
export async function writeTraffic(
  ledger: Ledger,
  lost: ReadonlyMap<string, number>,
  nextTurn: () => Promise<unknown>,
): Promise<Uint8Array[]> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const { edition } = ledger;
    const pieces: Uint8Array[] = [];
    {
      using _ = ledger.hold();
      const turns = writeAll(ledger, lost, pieces);
      while (ledger.edition === edition && turns.next().done !== true) await nextTurn();
    }
    if (ledger.edition === edition) return pieces;
  }
  throw new Error("what is counted has moved whenever it was about to be written");
}

function* writeAll(ledger: Ledger, lost: ReadonlyMap<string, number>, pieces: Uint8Array[]): Generator<void> {
  const ledgers = [ledger, ...ledger.inherited.filter((each) => each.interfaces().length > 0)];
  const head = new ByteWriter();
  head.text(SHAPE);
  head.number(ledgers.length);
  pieces.push(head.filled);
  for (const each of ledgers) yield* writeLedger(each, lost, pieces);
}

function* writeLedger(ledger: Ledger, lost: ReadonlyMap<string, number>, pieces: Uint8Array[]): Generator<void> {
  const interfaces = ledger.interfaces();
  const body = new ByteWriter();
  body.number(ledger.vlans === undefined ? 0 : 1);
  body.number(interfaces.length);
  for (const each of interfaces) {
    yield* writeInterface(body, each, lost.get(each.name) ?? 0);
    yield;
  }
  // Behind the counts, because slots may be given out as long as those are written.
  const head = new ByteWriter();
  head.number(ledger.ranges.ranges.length);
  for (const [index, range] of ledger.ranges.ranges.entries()) {
    writeRange(head, range);
    if (isTurnOver(index)) yield;
  }
  head.number(ledger.zonings.length);
  for (const zoning of ledger.zonings) yield* writeZoning(head, zoning);
  head.number(ledger.accounts === undefined ? 0 : 1);
  if (ledger.accounts !== undefined) yield* writeAccounts(head, ledger.accounts);
  pieces.push(head.filled, body.filled);
}

function writeRange(writer: ByteWriter, { version, rollupBits, first, last, labels }: Range): void {
  writer.number(version);
  writer.number(rollupBits);
  for (const address of [first, last]) {
    for (let shift = version === 4 ? 0n : 96n; shift >= 0n; shift -= 32n) {
      writer.number(Number((address >> shift) & 0xffff_ffffn));
    }
  }
  writer.number(labels.length);
  for (const text of labels.flat()) writer.text(text);
}

function* writeZoning(writer: ByteWriter, zoning: Zoning): Generator<void> {
  const { count, evicted } = zoning.slots;
  writer.text(zoning.label);
  writer.text(zoning.ends);
  writer.numbers([evicted, count]);
  for (let slot = 1; slot < count; slot++) {
    writeZone(writer, zoning, zoning.slots.ownerOf(slot));
    if (isTurnOver(slot)) yield;
  }
}

function* writeAccounts(writer: ByteWriter, accounts: Accounts): Generator<void> {
  const { count, evicted } = accounts.slots;
  writer.numbers([accounts.hasProtocols ? 1 : 0, accounts.hasVlans ? 1 : 0, evicted, count]);
  for (let slot = FIRST_NAMED; slot < count; slot++) {
    const { customer, remote, column, vlan } = accounts.accountOf(slot);
    writeZone(writer, accounts.customers, customer);
    writeZone(writer, accounts.remotes, remote);
    writer.numbers([column, vlan + 1]);
    if (isTurnOver(slot)) yield;
  }
}

function writeZone(writer: ByteWriter, zoning: Zoning, zone: number): void {
  writer.number(Math.min(zone, FIRST_NAMED));
  if (zone >= FIRST_NAMED) writer.text(zoning.nameOf(zone));
}

/**
 * What changes is copied before the first turn of others: 5 to 19 ms for 131,072 addresses with two histograms each, 26
 * to 35 ms with four (Node 24.21, two cores that had other work).
 */
function* writeInterface(writer: ByteWriter, ledger: InterfaceLedger, lost: number): Generator<void> {
  const parts = ledger.parts();
  const counters = parts.map(({ slots }) => slots.copy());
  const further = ledger.accounts === undefined ? ledger.zones : [...ledger.zones, ledger.accounts];
  const slots = further.map(({ counts }) => counts.copy());
  const totals = parts.map(totalsOf);
  // What is lost is not known by VLAN.
  totals[0]![LOST]! += lost;
  yield;
  writer.text(ledger.name);
  writer.number(parts.length);
  for (const [index, part] of parts.entries()) {
    writer.number((part.vlan ?? NO_VLAN) + 1);
    writer.numbers(totals[index]!);
    yield* writePart(writer, part, counters[index]!);
  }
  for (const counts of slots) yield* writeSlots(writer, counts);
}

function totalsOf(part: InterfaceLedger): number[] {
  const { verdicts, unopened, lostBefore, aggregatedPackets, exhaustedPackets, addresses } = part;
  const { evicted, refusedBefore } = addresses;
  return [lostBefore, aggregatedPackets, exhaustedPackets, evicted, refusedBefore, ...verdicts, ...unopened];
}

function* writePart(writer: ByteWriter, part: InterfaceLedger, counters: Float64Array): Generator<void> {
  writeSlot(writer, counters, ALL_SLOT);
  for (let row = 0; row < part.rows.count; row++) {
    writeRow(writer, part, row, counters);
    if (isTurnOver(row)) yield;
  }
  writer.number(END);
}

function writeRow(writer: ByteWriter, { rows, ranges }: InterfaceLedger, row: number, counters: Float64Array): void {
  let cells = 0;
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    const slot = rows.slotOf(row, cell);
    if (slot > 0 && !isEmpty(counters, slot * SLOT_DOUBLES, SLOT_DOUBLES)) cells |= 1 << cell;
  }
  if (cells === 0) return;
  const range = rows.rangeOf(row);
  const isOther = rows.isOther(row);
  writer.number(range + 1);
  writer.number(isOther ? 1 : 0);
  const words = isOther ? 0 : wordsOf(ranges.ranges[range]!.version);
  for (let k = 0; k < words; k++) writer.number(rows.addressWord(row, k));
  writer.number(cells);
  for (let cell = 0; cell < ROW_CELLS; cell++) {
    if ((cells & (1 << cell)) !== 0) writeSlot(writer, counters, rows.slotOf(row, cell));
  }
}

function* writeSlots(writer: ByteWriter, counters: Float64Array): Generator<void> {
  for (let slot = 1; slot * ZONE_DOUBLES < counters.length; slot++) {
    const at = slot * ZONE_DOUBLES;
    if (!isEmpty(counters, at, ZONE_DOUBLES)) {
      writer.number(slot);
      for (let k = 0; k < ZONE_DOUBLES; k++) writer.number(counters[at + k]!);
    }
    if (isTurnOver(slot)) yield;
  }
  writer.number(END);
}

function writeSlot(writer: ByteWriter, counters: Float64Array, slot: number): void {
  const start = slot * SLOT_DOUBLES;
  for (let at = start; at < start + SLOT_DOUBLES; at++) writer.number(counters[at]!);
}

/** Whether there are no counts; of slots that were given out since the copy, there are none in it. */
function isEmpty(counters: Float64Array, start: number, length: number): boolean {
  for (let at = start; at < start + length; at++) if ((counters[at] ?? 0) !== 0) return false;
  return true;
}

/** Words of an address. */
export function wordsOf(version: number): number {
  return version === 4 ? 1 : 4;
}

function isTurnOver(index: number): boolean {
  return index % PER_TURN === PER_TURN - 1;
}
