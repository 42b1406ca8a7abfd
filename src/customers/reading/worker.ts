import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors.ts";
import { BY_ADDRESS } from "../address-ranges.ts";
import { countedSet, joined } from "../counted-sets.ts";
import { tablesOf } from "../customer-tables.ts";
import type { Answer } from "../load-prefixes.ts";
import type { PrefixSet } from "../prefix-set.ts";
import { type ReadLists, readLists, type Wanted } from "./read-lists.ts";

/** Hands the arrays over: nothing is copied, and no object is made for a prefix. */
function send({ sets, ...read }: ReadLists): void {
  const byAddress = sets.filter(({ series }) => series === BY_ADDRESS).map(({ set }) => set);
  const counted = sets
    .filter(({ series }) => series !== BY_ADDRESS)
    .map((each) => ({ ...each, set: countedSet(each) }));
  const tables = tablesOf(joined(counted.map(({ set }) => set)));
  const labelled = counted.map(({ series, set: { count, labelNames, labels } }) => ({
    series,
    count,
    labelNames,
    labels,
  }));
  const answer: Answer = { ...read, byAddress, labelled, tables };
  const arrays = [
    ...byAddress.flatMap(arraysOf),
    ...labelled.flatMap(({ labels }) => [labels.bytes, labels.ends]),
    ...[tables.ipv4, tables.ipv6].flatMap(({ directory, spans }) => [directory, spans]),
  ];
  parentPort!.postMessage(
    answer,
    arrays.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

function arraysOf({ versions, words, bits, sets, labels }: PrefixSet): (Uint8Array | Uint32Array)[] {
  return [versions, words, bits, sets, labels.bytes, labels.ends];
}

async function main(): Promise<void> {
  try {
    send(await readLists(workerData as Wanted));
  } catch (error) {
    parentPort!.postMessage({ fault: messageOf(error) });
  }
}

void main();
