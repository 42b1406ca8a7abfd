import type { ByteReader } from "../../state/byte-reader.ts";
import { ByteWriter } from "../../state/byte-writer.ts";
import { CODE_NAMES } from "./protocol/answer-code.ts";
import { CONTAINER_FAULTS } from "./protocol/container.ts";
import { TYPE_NAMES } from "./protocol/packet-type.ts";
import type { KeyCounts, SeriesTable } from "./series-table.ts";
import { SKIP_REASONS } from "./streams/reassembly.ts";
import {
  ANSWER_BOUNDS,
  DEVICE_COLUMNS,
  DeviceColumn,
  FRAME_FAULTS,
  isDeviceName,
  OTHER,
  OTHER_PAIR,
  PAIR_COLUMNS,
  PairColumn,
  type Tally,
} from "./tally.ts";
import type { WialonSource } from "./wialon.ts";

/** Name of the section that the tally is kept in. */
export const TALLY_SECTION = "wialon";

/** Series that are written before the event loop gets its turn. */
const PER_TURN = 1024;
const MAX_SERIES = 2 ** 20;
const MAX_INTERFACES = 2 ** 14;
const PAIR = /^[0-9a-f.:]{2,45} [0-9a-f.:]{2,45}$/;

/** What counters stand for, so that others are not taken for them. */
const SHAPE = JSON.stringify([
  TYPE_NAMES,
  CODE_NAMES,
  ANSWER_BOUNDS,
  FRAME_FAULTS,
  CONTAINER_FAULTS,
  SKIP_REASONS,
  Object.keys(PairColumn),
  Object.keys(DeviceColumn),
]);

/*
 * The section of Wialon IPS. Numbers and texts are those of ByteWriter.
 *
 *     shape: text | totals | number of interfaces | interface ... | pairs: table | has devices | devices: table, if so |
 *
 *     interface | name: text | lost packets |
 *     table     | evictions | number of series | series ... |
 *     series    | key: text | number of counts that are not 0 | column, count ... |
 *
 * The series that was silent longest is the first. Streams that are alive are not kept, nor when those ended that did
 * lately: they are of this run alone.
 */

/** The tally as it is now. The event loop has its turns. */
export async function writeTally(
  tally: Tally,
  { taps, clockOffset }: Pick<WialonSource, "taps" | "clockOffset">,
  nextTurn: () => Promise<unknown>,
): Promise<Uint8Array[]> {
  const { pairs, devices, lostBefore } = tally;
  const writer = new ByteWriter();
  writer.text(SHAPE);
  writer.numbers(totalsOf(tally));
  const lost = new Map(lostBefore);
  for (const { name, lostPackets } of taps()) lost.set(name, (lost.get(name) ?? 0) + lostPackets);
  writer.number(lost.size);
  for (const [name, packets] of lost) {
    writer.text(name);
    writer.number(packets);
  }
  const offset = clockOffset();
  const tables = [pairs, ...(devices === undefined ? [] : [devices])].map(copyOf);
  await writeTable(writer, tables[0]!, PAIR_VALUE, nextTurn);
  writer.number(tables.length - 1);
  const deviceValue: ValueOf = (column, value) => value + (column === DeviceColumn.LAST_SEEN_SECONDS ? offset : 0);
  if (tables.length > 1) await writeTable(writer, tables[1]!, deviceValue, nextTurn);
  return [writer.filled];
}

/** Adds what was kept to a tally that has counted nothing. Throws an Error with the reason. */
export function readTally(reader: ByteReader, tally: Tally): Tally {
  if (reader.text() !== SHAPE) throw new Error("it counts other packets, codes or reasons than this version");
  readTotals(reader, tally);
  for (let left = reader.whole(MAX_INTERFACES); left > 0; left--) tally.lostBefore.set(reader.text(), reader.count());
  readTable(reader, PAIR_COLUMNS, (key) => key === OTHER_PAIR || PAIR.test(key), tally.pairs);
  if (reader.whole(1) === 0) return tally;
  readTable(reader, DEVICE_COLUMNS, (key) => key === OTHER || isDeviceName(key), tally.devices);
  return tally;
}

/** What is written of a count. */
type ValueOf = (column: number, value: number) => number;

const PAIR_VALUE: ValueOf = (column, value) => (column === PairColumn.STREAMS ? 0 : value);

function copyOf(table: SeriesTable): { evictions: number; size: number; series: Iterable<KeyCounts> } {
  return { evictions: table.evictions, size: table.size, series: table.copy() };
}

/** Arrays and numbers of the tally in the order of the section. */
function totalsOf(tally: Tally): number[] {
  const { rawPackets, points, compressedPackets, compressedBytes, evictedStreams, lives } = tally;
  const single = [
    rawPackets,
    points,
    compressedPackets,
    compressedBytes,
    evictedStreams,
    lives.count,
    lives.sumSeconds,
  ];
  const arrays = arraysOf(tally).flatMap((counts) => [...counts]);
  return [...single, ...arrays, ...tally.skippedFrames.values(), ...tally.containerFaults.values()];
}

function arraysOf({ bytes, logins, rejected, answers, answerSeconds, skippedBytes }: Tally): Float64Array[] {
  return [bytes, logins, rejected, answers, answerSeconds, skippedBytes];
}

function readTotals(reader: ByteReader, tally: Tally): void {
  tally.rawPackets = reader.count();
  tally.points = reader.count();
  tally.compressedPackets = reader.count();
  tally.compressedBytes = reader.count();
  tally.evictedStreams = reader.count();
  tally.lives.count = reader.count();
  tally.lives.sumSeconds = reader.count();
  for (const counts of arraysOf(tally)) for (const index of counts.keys()) counts[index] = reader.count();
  for (const fault of FRAME_FAULTS) tally.skippedFrames.set(fault, reader.count());
  for (const fault of CONTAINER_FAULTS) tally.containerFaults.set(fault, reader.count());
}

async function writeTable(
  writer: ByteWriter,
  { evictions, size, series }: ReturnType<typeof copyOf>,
  valueOf: ValueOf,
  nextTurn: () => Promise<unknown>,
): Promise<void> {
  writer.numbers([evictions, size]);
  let written = 0;
  for (const [key, counts] of series) {
    const values = counts.map((value, column) => (value === 0 ? 0 : valueOf(column, value)));
    writer.text(key);
    writer.number(values.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0));
    for (const [column, value] of values.entries()) if (value !== 0) writer.numbers([column, value]);
    if (++written % PER_TURN === 0) await nextTurn();
  }
}

/** `into`: undefined if there is none any more. */
function readTable(
  reader: ByteReader,
  columns: number,
  isKey: (key: string) => boolean,
  into: SeriesTable | undefined,
): void {
  const evictions = reader.count();
  if (into !== undefined) into.evictions = evictions;
  for (let left = reader.whole(MAX_SERIES); left > 0; left--) {
    const key = reader.text();
    if (!isKey(key)) throw new Error("it has counts of what is no address and no device");
    const counts = new Float64Array(columns);
    for (let pairs = reader.whole(columns); pairs > 0; pairs--) counts[reader.whole(columns - 1)] = reader.count();
    into?.restore([key, counts]);
  }
}
