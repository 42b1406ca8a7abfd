import { parentPort, workerData } from "node:worker_threads";
import { messageOf } from "../../errors.ts";
import { useNameKey } from "../../ledger/zones/name-hash.ts";
import type { Texts } from "../../ledger/zones/names.ts";
import type { LoadedPrefixes, Task } from "../load-prefixes.ts";
import { loadLists } from "./load.ts";

/** Hands the arrays over: nothing is copied, and no object is made for a prefix. */
function send(answer: LoadedPrefixes): void {
  const { byAddress, labelled, tables } = answer;
  const arrays = [
    ...byAddress.flatMap(({ versions, words, bits, sets }) => [versions, words, bits, sets]),
    ...[...byAddress, ...labelled].flatMap(({ labels }) => arraysOf(labels)),
    ...(tables === undefined ? [] : [tables.ipv4, tables.ipv6]).flatMap(({ directory, spans }) => [directory, spans]),
  ];
  parentPort!.postMessage(
    answer,
    arrays.map(({ buffer }) => buffer as ArrayBuffer),
  );
}

function arraysOf({ bytes, ends, hashes }: Texts): (Uint8Array | Uint32Array)[] {
  return [bytes, ends, hashes];
}

async function main(): Promise<void> {
  const { wanted, key } = workerData as Task;
  useNameKey(key);
  try {
    send(await loadLists(wanted));
  } catch (error) {
    parentPort!.postMessage({ fault: messageOf(error) });
  }
}

void main();
