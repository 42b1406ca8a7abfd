import { ChangingFile, type FileKind, type FileListener } from "../../../files/changing-file.ts";
import { formatIpv4, formatIpv6, parseAddress, unmapped } from "../../../packet/address.ts";

const MAX_BYTES = 16 * 2 ** 20;
const EMPTY_LINE = /^\s*(?:#.*)?$/;

/** Names, from a file that may be replaced at any time. */
export class NamesFile<Names> {
  readonly #file: ChangingFile<Names>;
  #isRefreshing = false;

  private constructor(file: ChangingFile<Names>) {
    this.#file = file;
  }

  /** Throws PromtapError. `parse` throws if the lines, without those that are empty or comments, are none that it knows. */
  static async open<Names>(
    path: string,
    parse: (lines: readonly NamesLine[]) => Names,
    listener: FileListener,
  ): Promise<NamesFile<Names>> {
    const kind: FileKind<Names> = { maxBytes: MAX_BYTES, parse: async (_, bytes) => parse(linesOf(bytes.toString())) };
    return new NamesFile(await ChangingFile.open(path, kind, listener));
  }

  /** Another object once the file has changed. */
  get names(): Names {
    return this.#file.value;
  }

  /** Begins to read the file again if it has changed. */
  refresh(): void {
    if (this.#isRefreshing) return;
    this.#isRefreshing = true;
    void this.#file.refresh().finally(() => (this.#isRefreshing = false));
  }
}

/** A line of such a file; the first is 1. */
export interface NamesLine {
  readonly number: number;
  readonly text: string;
}

function linesOf(text: string): NamesLine[] {
  const lines = text.split("\n").map((line, index) => ({ number: index + 1, text: line }));
  return lines.filter((line) => !EMPTY_LINE.test(line.text));
}

/** An exporter's address as it is written everywhere; null if it is none. */
export function canonicalAddress(text: string): string | null {
  const address = parseAddress(text);
  if (address === null) return null;
  const { version, value } = unmapped(address);
  const word = (k: number): number => Number((value >> BigInt(96 - 32 * k)) & 0xffff_ffffn);
  return version === 4 ? formatIpv4(word(3)) : formatIpv6(word(0), word(1), word(2), word(3));
}
