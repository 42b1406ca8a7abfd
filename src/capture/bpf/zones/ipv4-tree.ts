import { IPV4_WORDS, IPV4_ZONE, type ZoneIndex } from "../../../ledger/zones/zone-table.ts";
import { Zone } from "../../../ledger/zones/zone.ts";
import { ENDLESS, GROUP_BYTES, GROUP_ENTRIES, IS_NODE, NODE_PIECES, NODE_WORDS, SIZE_BITS } from "./zone-layout.ts";

const ENTRY_WORDS = 2;
const GROUP_WORDS = GROUP_BYTES / 4;
const PIECE_WORDS = 2;
/** Roots that are written in a step, with what is below them. */
const ROOTS_PER_STEP = 4096;

/** Where a tree is written: its groups, and nodes from one on. */
export interface TreeMemory {
  readonly groups: Uint32Array;
  readonly nodes: Uint32Array;
  readonly firstNode: number;
}

/** The nodes that programs look IPv4 addresses up in: see zone-layout.ts. */
export class Ipv4Tree {
  /** How many nodes there are. */
  readonly nodeCount: number;
  /** Start of a piece, and what a node says of it. */
  readonly #pieces: Uint32Array;
  /** Entry of the directory → its root. */
  readonly #rootOf: Uint32Array;
  /** Pieces that a root begins and ends with. */
  readonly #firsts: Uint32Array;
  readonly #lasts: Uint32Array;

  constructor(index: ZoneIndex) {
    const { directory, spans } = index;
    const entries = directory.length / ENTRY_WORDS;
    const pieceOf = new Uint32Array(spans.length / IPV4_WORDS);
    const [firsts, lasts] = [new Uint32Array(entries), new Uint32Array(entries)];
    this.#pieces = piecesOf(spans, pieceOf);
    this.#rootOf = new Uint32Array(entries);
    let root = -1;
    for (let entry = 0; entry < entries; entry++) {
      const low = pieceOf[directory[entry * ENTRY_WORDS]!]!;
      const high = pieceOf[directory[entry * ENTRY_WORDS + 1]!]!;
      if (root < 0 || high - firsts[root]! >= NODE_PIECES) firsts[++root] = low;
      lasts[root] = high;
      this.#rootOf[entry] = root;
    }
    this.#firsts = firsts.subarray(0, root + 1);
    this.#lasts = lasts;
    let nodeCount = this.#firsts.length;
    for (const [each, first] of this.#firsts.entries()) nodeCount += nodesBelow(lasts[each]! - first + 1);
    this.nodeCount = nodeCount;
  }

  /** Writes it in steps. */
  *write({ groups, nodes, firstNode }: TreeMemory): Generator<void> {
    this.#writeGroups(groups, firstNode);
    let next = firstNode + this.#firsts.length;
    const writeNode = (node: number, first: number, last: number): void => {
      const step = piecesOfChild(last - first + 1);
      const children = Math.ceil((last - first + 1) / step);
      const at = node * NODE_WORDS;
      let to = at + NODE_PIECES - children;
      nodes.fill(0, at, to);
      for (let piece = first; piece <= last; piece += step, to++) {
        nodes[to] = this.#pieces[piece * PIECE_WORDS]!;
        if (step === 1) {
          nodes[to + NODE_PIECES] = this.#pieces[piece * PIECE_WORDS + 1]!;
          continue;
        }
        const child = next++;
        nodes[to + NODE_PIECES] = child + IS_NODE;
        writeNode(child, piece, Math.min(piece + step - 1, last));
      }
    };
    for (const [root, first] of this.#firsts.entries()) {
      writeNode(firstNode + root, first, this.#lasts[root]!);
      if (root % ROOTS_PER_STEP === ROOTS_PER_STEP - 1) yield;
    }
  }

  #writeGroups(groups: Uint32Array, firstNode: number): void {
    const rootOf = this.#rootOf;
    for (let first = 0; first < rootOf.length; first += GROUP_ENTRIES) {
      let steps = 0;
      for (let k = 1; k < GROUP_ENTRIES; k++) if (rootOf[first + k] !== rootOf[first + k - 1]) steps |= 1 << k;
      const at = (first / GROUP_ENTRIES) * GROUP_WORDS;
      groups[at] = firstNode + rootOf[first]!;
      groups[at + 1] = steps;
    }
  }
}

/** The pieces that spans make, and which is whose: one of 2^n addresses has the unknown ones behind it, too. */
function piecesOf(spans: Uint32Array, pieceOf: Uint32Array): Uint32Array {
  const pieces = new Uint32Array(pieceOf.length * PIECE_WORDS);
  let count = 0;
  for (let span = 0; span < pieceOf.length; span++) {
    const at = span * IPV4_WORDS;
    let size = ENDLESS;
    pieceOf[span] = count;
    if (spans[at + IPV4_WORDS + IPV4_ZONE] === Zone.UNKNOWN) {
      const addresses = spans[at + IPV4_WORDS]! - spans[at]!;
      if ((addresses & (addresses - 1)) === 0) {
        size = 31 - Math.clz32(addresses);
        pieceOf[++span] = count;
      }
    }
    pieces[count * PIECE_WORDS] = spans[at]!;
    pieces[count * PIECE_WORDS + 1] = (spans[at + IPV4_ZONE]! << SIZE_BITS) | size;
    count++;
  }
  return pieces;
}

/** How many pieces are below a child of a node of so many. */
function piecesOfChild(pieces: number): number {
  let step = 1;
  while (step * NODE_PIECES < pieces) step *= NODE_PIECES;
  return step;
}

/** How many nodes are below a node of so many pieces. */
function nodesBelow(pieces: number): number {
  const step = piecesOfChild(pieces);
  if (step === 1) return 0;
  let nodes = 0;
  for (let left = pieces; left > 0; left -= step) nodes += 1 + nodesBelow(Math.min(left, step));
  return nodes;
}
