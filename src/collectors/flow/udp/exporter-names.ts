import { ChangingFile, type FileKind, type FileListener } from "../../../files/changing-file.ts";
import { formatIpv4, formatIpv6, parseAddress } from "../../../packet/address.ts";

const MAX_BYTES = 4 * 2 ** 20;
/** Bytes of a name: what a label of a record holds. */
const MAX_NAME_LENGTH = 128;
/** As in /etc/hosts: an address and a name; more names and comments may follow. */
const LINE = /^\s*([0-9a-fA-F.:]+)\s+([^\s#]+)/;
const EMPTY_LINE = /^\s*(?:#.*)?$/;

type Names = ReadonlyMap<string, string>;

const NAMES_FILE: FileKind<Names> = {
  maxBytes: MAX_BYTES,
  parse: async (_, bytes) => new Map(bytes.toString().split("\n").flatMap(entryOf)),
};

function entryOf(line: string, index: number): [string, string][] {
  if (EMPTY_LINE.test(line)) return [];
  const [, text = "", name = ""] = LINE.exec(line) ?? [];
  const address = canonical(text);
  if (address === null || Buffer.byteLength(name) > MAX_NAME_LENGTH) {
    throw new Error(`line ${index + 1} is no address with a name of up to ${MAX_NAME_LENGTH} bytes behind it`);
  }
  return [[address, name]];
}

/** As exporters' addresses are written; null if it is none. */
function canonical(text: string): string | null {
  const address = parseAddress(text);
  if (address === null) return null;
  const { version, value } = address;
  const word = (k: number): number => Number((value >> BigInt(96 - 32 * k)) & 0xffff_ffffn);
  return version === 4 ? formatIpv4(word(3)) : formatIpv6(word(0), word(1), word(2), word(3));
}

/** Names of exporters, from a file that may be replaced at any time. */
export class ExporterNames {
  /** Changes with the names. */
  edition = 0;
  readonly #file: ChangingFile<Names>;
  #isRefreshing = false;

  private constructor(file: ChangingFile<Names>) {
    this.#file = file;
  }

  /** Throws PromtapError. */
  static async open(path: string, listener: FileListener): Promise<ExporterNames> {
    return new ExporterNames(await ChangingFile.open(path, NAMES_FILE, listener));
  }

  /** How many are known. */
  get count(): number {
    return this.#file.value.size;
  }

  /** The name of an address, which it is itself if there is no other. */
  nameOf(address: string): string {
    return this.#file.value.get(address) ?? address;
  }

  /** Begins to read the file again if it has changed. */
  refresh(): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    void this.#refresh().finally(() => (this.#isRefreshing = false));
  }

  async #refresh(): Promise<void> {
    if (await this.#file.refresh()) this.edition++;
  }
}
