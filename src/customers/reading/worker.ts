import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors.ts";
import { BY_ADDRESS } from "../address-ranges.ts";
import { countedSet, joined } from "../counted-sets.ts";
import { type CustomerTables, tablesOf } from "../customer-tables.ts";
import type { Answer } from "../load-prefixes.ts";
import { type ReadLists, readLists, type Wanted } from "./read-lists.ts";

/** Sets of labels in a message: the thread that gets them makes an object of each, which takes a few milliseconds. */
const LABEL_SETS_PER_MESSAGE = 4096;

/** Sends an answer for each time that it is asked; the label sets go in pieces, after all else. */
function* answers(read: ReadLists, tables: CustomerTables): Generator<Answer> {
  yield { ...read, tables, sets: read.sets.map(({ series, set }) => ({ series, set: { ...set, labelSets: [] } })) };
  for (const [index, { set }] of read.sets.entries()) {
    for (let at = 0; at < set.labelSets.length; at += LABEL_SETS_PER_MESSAGE) {
      yield { index, labelSets: set.labelSets.slice(at, at + LABEL_SETS_PER_MESSAGE) };
    }
  }
  yield "end";
}

const port = parentPort!;

function send(read: ReadLists): void {
  const sets = read.sets.map(({ series, ...rest }) => ({ series, set: countedSet({ series, ...rest }) }));
  const counted = sets.filter(({ series }) => series !== BY_ADDRESS);
  const tables = tablesOf(joined(counted.map(({ set }) => set)));
  const all = answers({ ...read, sets }, tables);
  const arrays = [
    ...sets.flatMap(({ set }) => [set.versions, set.words, set.bits, set.sets]),
    ...[tables.ipv4, tables.ipv6].flatMap(({ directory, spans }) => [directory, spans]),
  ];
  port.on("message", () => port.postMessage(all.next().value));
  port.postMessage(
    all.next().value,
    arrays.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

async function main(): Promise<void> {
  try {
    send(await readLists(workerData as Wanted));
  } catch (error) {
    port.postMessage({ fault: messageOf(error) });
  }
}

void main();
