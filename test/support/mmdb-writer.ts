import { parseAddress } from "../../src/packet/address.ts";

/** What a database may hold; numbers are whole and below 2^32. */
export type MmdbValue = string | number | boolean | readonly MmdbValue[] | { readonly [key: string]: MmdbValue };

export interface MmdbOptions {
  recordBits?: 24 | 28 | 32;
  /** A tree of IPv6 holds IPv4 at ::/96. */
  ipVersion?: 4 | 6;
  type?: string;
  buildEpoch?: number;
  /** Networks that lead to where the tree of IPv6 holds IPv4, such as ::ffff:0:0/96. */
  aliases?: readonly string[];
  /** What the metadata are to say besides, or instead; undefined: nothing. */
  metadata?: Readonly<Record<string, MmdbValue | undefined>>;
}

/** A branch: another node, data, or nothing. */
type Branch = Node | { record: MmdbValue } | undefined;
type Node = [left: Branch, right: Branch];

const METADATA_MARK = "\xab\xcd\xefMaxMind.com";
const SEPARATOR_BYTES = 16;
/** Texts of which the second and all later ones are pointers to the first. */
const SHARED_TEXT_BYTES = 4;

/** Writes a MaxMind DB file (MaxMind DB File Format 2.0). Of networks that overlap, the longer prefix holds. */
export function mmdb(networks: Readonly<Record<string, MmdbValue>>, options: MmdbOptions = {}): Uint8Array {
  const { recordBits = 24, ipVersion = 6, type = "Test", buildEpoch = 1_700_000_000, aliases = [] } = options;
  const given = Object.entries(options.metadata ?? {});
  const root: Node = [undefined, undefined];
  const parsed = Object.entries(networks).map(([network, record]) => ({ bits: bitsOf(network, ipVersion), record }));
  for (const { bits, record } of parsed.sort((a, b) => a.bits.length - b.bits.length)) insert(root, bits, { record });
  for (const alias of aliases) insert(root, bitsOf(alias, 6), subtree(root, "0".repeat(96)));

  const nodes = collect(root);
  const data = new DataWriter();
  const valueOf = (branch: Branch): number => {
    if (branch === undefined) return nodes.size;
    if (isNode(branch)) return nodes.get(branch)!;
    return nodes.size + SEPARATOR_BYTES + data.record(branch.record);
  };
  const tree = [...nodes.keys()].flatMap(([left, right]) => node(valueOf(left), valueOf(right), recordBits));
  const fields: Record<string, MmdbValue> = {
    node_count: nodes.size,
    record_size: recordBits,
    ip_version: ipVersion,
    database_type: type,
    languages: ["en"],
    binary_format_major_version: 2,
    binary_format_minor_version: 0,
    build_epoch: buildEpoch,
    description: { en: `${type} for tests` },
  };
  for (const [key, value] of given) {
    if (value === undefined) delete fields[key];
    else fields[key] = value;
  }
  const metadata = new DataWriter();
  metadata.record(fields);
  const mark = Buffer.from(METADATA_MARK, "latin1");
  return Uint8Array.from([...tree, ...new Uint8Array(SEPARATOR_BYTES), ...data.bytes, ...mark, ...metadata.bytes]);
}

function isNode(branch: Branch): branch is Node {
  return Array.isArray(branch);
}

/** The bits that all addresses of a network begin with. */
function bitsOf(network: string, ipVersion: 4 | 6): string {
  const [text = "", length] = network.split("/");
  const { version, value } = parseAddress(text)!;
  const width = version === 4 ? 32 : 128;
  const bits = value.toString(2).padStart(width, "0");
  const prefix = version === 4 && ipVersion === 6 ? "0".repeat(96) : "";
  return prefix + bits.slice(0, length === undefined ? width : Number(length));
}

/** Puts a branch where the bits lead; data in the way goes to both sides of a new node. */
function insert(root: Node, bits: string, branch: Branch): void {
  let node = root;
  for (const bit of bits.slice(0, -1)) {
    const side = Number(bit);
    const next = node[side];
    node = isNode(next) ? next : (node[side] = [next, next]);
  }
  node[Number(bits.at(-1))] = branch;
}

function subtree(root: Node, bits: string): Branch {
  let branch: Branch = root;
  for (const bit of bits) {
    if (!isNode(branch)) return branch;
    branch = branch[Number(bit)];
  }
  return branch;
}

/** All nodes with their numbers; one that is reached on several ways has one. */
function collect(root: Node): Map<Node, number> {
  const nodes = new Map<Node, number>([[root, 0]]);
  for (const [left, right] of nodes.keys()) {
    for (const branch of [left, right]) if (isNode(branch) && !nodes.has(branch)) nodes.set(branch, nodes.size);
  }
  return nodes;
}

function node(left: number, right: number, recordBits: 24 | 28 | 32): number[] {
  if (recordBits !== 28) return [...number(left, recordBits / 8), ...number(right, recordBits / 8)];
  const upper = ((left >>> 24) << 4) | (right >>> 24);
  return [...number(left & 0xff_ffff, 3), upper, ...number(right & 0xff_ffff, 3)];
}

function number(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, index) => Math.floor(value / 256 ** (bytes - 1 - index)) & 0xff);
}

/** A data section; equal records and texts are written once. */
class DataWriter {
  readonly bytes: number[] = [];
  readonly #records = new Map<string, number>();
  readonly #texts = new Map<string, number>();

  /** Returns where the record is. */
  record(value: MmdbValue): number {
    const key = JSON.stringify(value);
    const known = this.#records.get(key);
    if (known !== undefined) return known;
    const at = this.bytes.length;
    this.#records.set(key, at);
    this.#write(value);
    return at;
  }

  #write(value: MmdbValue): void {
    if (typeof value === "string") this.#writeText(value);
    else if (typeof value === "boolean") this.#control(14, value ? 1 : 0);
    else if (typeof value === "number") {
      this.#control(6, 4);
      this.bytes.push(...number(value, 4));
    } else if (Array.isArray(value)) {
      this.#control(11, value.length);
      for (const element of value) this.#write(element);
    } else {
      const entries = Object.entries(value as Record<string, MmdbValue>);
      this.#control(7, entries.length);
      for (const [key, element] of entries) {
        this.#writeText(key);
        this.#write(element);
      }
    }
  }

  #writeText(text: string): void {
    const known = this.#texts.get(text);
    const encoded = new TextEncoder().encode(text);
    // a pointer of two bytes reaches 2 KiB
    if (known !== undefined && known < 2048 && encoded.length >= SHARED_TEXT_BYTES) {
      this.bytes.push(0x20 | (known >> 8), known & 0xff);
      return;
    }
    this.#texts.set(text, this.bytes.length);
    this.#control(2, encoded.length);
    this.bytes.push(...encoded);
  }

  #control(type: number, size: number): void {
    const sizeBits = size < 29 ? size : size < 285 ? 29 : 30;
    if (type > 7) this.bytes.push(sizeBits, type - 7);
    else this.bytes.push((type << 5) | sizeBits);
    if (sizeBits === 29) this.bytes.push(size - 29);
    if (sizeBits === 30) this.bytes.push(...number(size - 285, 2));
  }
}
