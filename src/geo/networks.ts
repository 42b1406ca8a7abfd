import type { SearchTree } from "./search-tree.ts";

/** Takes what holds from an address on, up to the next one that it is told of. */
export type StartVisitor = (word0: number, word1: number, word2: number, word3: number, pointer: number) => void;

/** Nodes between two yields: about a millisecond, and ten if each leads to a record that is decoded. */
const NODES_PER_TURN = 4096;
/** A sound tree is walked through once; more says that nodes lead back to nodes before them. */
const MAX_VISITS_PER_NODE = 2;
const WORDS = 4;

/**
 * Walks all networks of a tree in the order of their addresses, those without data (pointer 0) included, from the lowest
 * address on. IPv4 addresses are one word, with three zeros behind it. If a tree of IPv6 holds the IPv4 addresses,
 * at ::/96 and wherever else the tree leads there (::ffff:0:0/96, 2002::/16), there is nothing for IPv6.
 *
 * Yields often enough not to hold the event loop. Throws an Error if the tree goes round in circles.
 */
export function* walkNetworks(tree: SearchTree, version: 4 | 6, visit: StartVisitor): Generator<void> {
  if (version === 4) yield* walk(tree, tree.ipv4Root, 32, tree.nodeCount, visit);
  else if (tree.ipVersion === 4) visit(0, 0, 0, 0, 0);
  else yield* walk(tree, 0, 128, tree.ipv4Root, visit);
}

/** Depth first, the left child before the right one. `skipped`: a record that stands for nothing. */
function* walk(
  tree: SearchTree,
  root: number,
  addressBits: number,
  skipped: number,
  visit: StartVisitor,
): Generator<void> {
  // What waits to be visited: a record, its depth, and the words of its lowest address.
  const records = new Uint32Array(addressBits + 1);
  const depths = new Uint8Array(addressBits + 1);
  const words = new Uint32Array((addressBits + 1) * WORDS);
  records[0] = root;
  let visits = 0;
  for (let top = 0; top >= 0;) {
    const record = records[top]!;
    const depth = depths[top]!;
    const at = top * WORDS;
    if (record >= tree.nodeCount || record === skipped || depth === addressBits) {
      const pointer = record > tree.nodeCount ? record : 0;
      visit(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!, pointer);
      top--;
      continue;
    }
    // The right child takes the place of its parent, the left one goes on top.
    words.copyWithin(at + WORDS, at, at + WORDS);
    words[at + (depth >>> 5)]! |= 0x8000_0000 >>> (depth & 31);
    records[top] = tree.record(record, 1);
    records[++top] = tree.record(record, 0);
    depths[top - 1] = depth + 1;
    depths[top] = depth + 1;
    if (++visits > tree.nodeCount * MAX_VISITS_PER_NODE) throw new Error("its search tree goes round in circles");
    if (visits % NODES_PER_TURN === 0) yield;
  }
}
