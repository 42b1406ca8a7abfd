import { zstdDecompressSync } from "node:zlib";
import { ChangingFile, type FileKind, type FileListener } from "../../../files/changing-file.ts";
import { AsTable } from "./as-table.ts";

/** Several times what all ASes take, as lines or in a MaxMind DB file. */
const MAX_BYTES = 64 * 2 ** 20;

const NAMES_FILE: FileKind<AsTable> = {
  maxBytes: MAX_BYTES,
  parse: (path, bytes) => AsTable.parse(path, bytes),
};

/** Where names come from. */
type Names = ChangingFile<AsTable> | { readonly value: AsTable; readonly isCurrent: true };

/** Names of ASes: those that the binary carries, or those of a file, which may be replaced at any time. */
export class AsNames {
  /** Changes with the names. */
  edition = 0;
  #names: Names;
  #refreshing: Promise<void> | undefined;

  private constructor(names: Names) {
    this.#names = names;
  }

  /** Opens the names in a file. Throws PromtapError. */
  static async open(path: string, listener: FileListener): Promise<AsNames> {
    return new AsNames(await ChangingFile.open(path, NAMES_FILE, listener));
  }

  /** Takes the compressed list that the binary carries; no names if it carries none. */
  static async carried(asset: Uint8Array | undefined): Promise<AsNames> {
    if (asset === undefined) return new AsNames({ value: AsTable.EMPTY, isCurrent: true });
    const value = await AsTable.parse("the binary", zstdDecompressSync(asset), false);
    return new AsNames({ value, isCurrent: true });
  }

  /** Goes on with those of another. */
  use(other: AsNames): void {
    this.#names = other.#names;
    this.edition++;
  }

  /** How many are known. */
  get count(): number {
    return this.#names.value.count;
  }

  /** Whether they are what the file holds. */
  get isCurrent(): boolean {
    return this.#names.isCurrent;
  }

  /** "" if the AS has none. */
  nameOf(as: number): string {
    return this.#names.value.nameOf(as);
  }

  /** Begins to read the file again if it has changed; until that is done, the names are those before. */
  refresh(): void {
    if (!(this.#names instanceof ChangingFile) || this.#refreshing !== undefined) return;
    this.#refreshing = this.#refresh(this.#names).finally(() => (this.#refreshing = undefined));
  }

  async #refresh(file: ChangingFile<AsTable>): Promise<void> {
    if (await file.refresh()) this.edition++;
  }
}
