import { setImmediate as nextTurn } from "node:timers/promises";
import decoder from "mmdb-lib/lib/decoder.js";
import { ErrorCode, messageOf, PromtapError } from "../errors.ts";
import { DataCheck } from "./data-check.ts";
import {
  type AutonomousSystem,
  autonomousSystemOf,
  continentIn,
  type Country,
  countryOf,
  field,
  labelOf,
} from "./records.ts";
import { SearchTree, type SearchTreeShape } from "./search-tree.ts";

/** Of a Date, since 1970. */
const LAST_SECOND = 8.64e12;
const METADATA_MARK = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
/** Of zeros, between the tree and the data. */
const SEPARATOR_BYTES = 16;
/** Nodes that are checked between two looks at the clock. */
const NODES_PER_LOOK = 1024;
/** How long the checks keep the event loop from others, in one go. */
const TURN_MS = 10;
/** Records that are looked at for what a file holds; a file of countries may begin with some that have none. */
const SAMPLED_RECORDS = 1000;

/** What a database tells of addresses; one may tell both. */
export interface Contents {
  readonly hasCountries: boolean;
  readonly hasSystems: boolean;
}

/**
 * One MaxMind DB file in memory. All of it was checked when it was opened, so that nothing here throws. Look-ups go
 * through `tree`, whose pointers `countryAt` and `systemAt` take; what is decoded is kept, once for all addresses
 * that share it.
 */
export class GeoDatabase {
  /** The path, or what stands for the file that the binary carries. */
  readonly name: string;
  /** As the file calls itself, such as "GeoLite2-Country"; "" if it does not. */
  readonly type: string;
  /** Seconds since 1970. */
  readonly buildEpoch: number;
  readonly tree: SearchTree;
  readonly contents: Contents;
  /** Whom to thank for the data, if the file does not tell. */
  readonly attribution: string;
  readonly #records: RecordDecoder;
  readonly #takesRegistered: boolean;
  readonly #countries = new Map<number, Country | undefined>();
  readonly #continents = new Map<number, string | undefined>();
  readonly #systems = new Map<number, AutonomousSystem | undefined>();

  private constructor(
    name: string,
    attribution: string,
    metadata: Metadata,
    tree: SearchTree,
    records: RecordDecoder,
    contents: Contents,
    takesRegistered: boolean,
  ) {
    this.name = name;
    this.attribution = attribution;
    this.type = metadata.type;
    this.buildEpoch = metadata.buildEpoch;
    this.tree = tree;
    this.#records = records;
    this.contents = contents;
    this.#takesRegistered = takesRegistered;
  }

  /**
   * Checks a file and opens it; the bytes are lent for good. `takesRegistered`: see `countryOf`. Throws PromtapError if
   * they are no sound database.
   */
  static async open(name: string, bytes: Uint8Array, attribution = "", takesRegistered = false): Promise<GeoDatabase> {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    try {
      const metadata = readMetadata(buffer);
      const treeBytes = (metadata.nodeCount * metadata.recordBits) / 4;
      const dataStart = treeBytes + SEPARATOR_BYTES;
      if (dataStart > metadata.at) throw new Error("it is cut short: its search tree is longer than the file");
      if (buffer.subarray(treeBytes, dataStart).some((byte) => byte !== 0)) {
        throw new Error("it is damaged: its data do not begin where its search tree ends");
      }
      const tree = new SearchTree(buffer, metadata);
      const records = new RecordDecoder(buffer, tree);
      const contents = await checkRecords(
        tree,
        new DataCheck(buffer, dataStart, metadata.at),
        records,
        takesRegistered,
      );
      if (!contents.hasCountries && !contents.hasSystems) {
        throw new Error(`it has neither countries nor AS numbers; its type is ${metadata.type || "not named"}`);
      }
      return new GeoDatabase(name, attribution, metadata, tree, records, contents, takesRegistered);
    } catch (error) {
      throw new PromtapError(ErrorCode.HOST, `couldn't use ${name}: ${messageOf(error)}`, { cause: error });
    }
  }

  countryAt(pointer: number): Country | undefined {
    if (pointer === 0) return undefined;
    let country = this.#countries.get(pointer);
    if (country === undefined && !this.#countries.has(pointer)) {
      country = countryOf(this.#records.at(pointer), this.#takesRegistered);
      this.#countries.set(pointer, country);
    }
    return country;
  }

  /** Of what may have no country. */
  continentAt(pointer: number): string | undefined {
    if (pointer === 0) return undefined;
    let continent = this.#continents.get(pointer);
    if (continent === undefined && !this.#continents.has(pointer)) {
      continent = continentIn(this.#records.at(pointer));
      this.#continents.set(pointer, continent);
    }
    return continent;
  }

  systemAt(pointer: number): AutonomousSystem | undefined {
    if (pointer === 0) return undefined;
    let system = this.#systems.get(pointer);
    if (system === undefined && !this.#systems.has(pointer)) {
      system = autonomousSystemOf(this.#records.at(pointer));
      this.#systems.set(pointer, system);
    }
    return system;
  }
}

/** Decodes the records that pointers of the tree lead to. */
class RecordDecoder {
  readonly #decoder: InstanceType<typeof decoder.default>;
  /** What is added to a pointer for the position in the file. */
  readonly #base: number;

  constructor(buffer: Buffer, tree: SearchTree) {
    this.#decoder = new decoder.default(buffer, tree.lengthBytes + SEPARATOR_BYTES);
    this.#base = tree.lengthBytes - tree.nodeCount;
  }

  positionOf(pointer: number): number {
    return this.#base + pointer;
  }

  at(pointer: number): unknown {
    return this.#decoder.decode(this.positionOf(pointer)).value;
  }
}

interface Metadata extends SearchTreeShape {
  readonly type: string;
  readonly buildEpoch: number;
  /** Where they begin in the file. */
  readonly at: number;
}

function readMetadata(buffer: Buffer): Metadata {
  const at = buffer.lastIndexOf(METADATA_MARK);
  if (at < 0) throw new Error("it is no MaxMind DB file, or one that is cut short");
  const start = at + METADATA_MARK.length;
  new DataCheck(buffer, start, buffer.length).checkMap(start);
  const values: unknown = new decoder.default(buffer, start).decode(start).value;
  const numberOf = (key: string, isLegal: (value: number) => boolean): number => {
    const given = field(values, key);
    // of 64 bits and more it is a bigint
    const value = typeof given === "bigint" ? Number(given) : given;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && isLegal(value)) return value;
    const what = value === undefined ? "missing" : typeof value === "number" ? value : "no number";
    throw new Error(`it is of another format, or damaged: its ${key} is ${what}`);
  };
  numberOf("binary_format_major_version", (version) => version === 2);
  return {
    at,
    type: labelOf(field(values, "database_type")),
    buildEpoch: numberOf("build_epoch", (seconds) => seconds <= LAST_SECOND),
    nodeCount: numberOf("node_count", () => true),
    recordBits: numberOf("record_size", (bits) => [24, 28, 32].includes(bits)),
    ipVersion: numberOf("ip_version", (version) => version === 4 || version === 6),
  };
}

/** Checks every record of the tree, and what it leads to; finds out what there is. */
async function checkRecords(
  tree: SearchTree,
  data: DataCheck,
  records: RecordDecoder,
  takesRegistered: boolean,
): Promise<Contents> {
  const seen = new Set<number>();
  let hasCountries = false;
  let hasSystems = false;
  const check = (record: number): void => {
    if (record <= tree.nodeCount || seen.has(record)) return;
    seen.add(record);
    data.checkMap(records.positionOf(record));
    if (seen.size > SAMPLED_RECORDS || (hasCountries && hasSystems)) return;
    const content = records.at(record);
    hasCountries ||= countryOf(content, takesRegistered) !== undefined;
    hasSystems ||= autonomousSystemOf(content) !== undefined;
  };
  let turnEnd = performance.now() + TURN_MS;
  for (let node = 0; node < tree.nodeCount; node++) {
    check(tree.record(node, 0));
    check(tree.record(node, 1));
    if (node % NODES_PER_LOOK !== 0 || performance.now() < turnEnd) continue;
    await nextTurn();
    turnEnd = performance.now() + TURN_MS;
  }
  return { hasCountries, hasSystems };
}
