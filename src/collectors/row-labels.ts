import type { InterfaceLedger } from "../ledger/ledger.ts";
import type { RangeTable } from "../ledger/ranges.ts";
import { formatIpv4, formatIpv6 } from "../packet/address.ts";
import { labelText } from "../page/labels.ts";

const INITIAL_ROWS = 64;
const INITIAL_BYTES = 4096;
const encoder = new TextEncoder();

/**
 * The labels of the rows of one interface as bytes, `interface="eth0",customer="acmecorp",ip="192.0.2.1"`, made once
 * when a row is first asked for and kept side by side: about 50 bytes a row.
 *
 * Rows are asked for in order, so that the work is spread over the making of the page.
 */
export class RowLabels {
  readonly #ledger: InterfaceLedger;
  readonly #ranges: RangeTable;
  #bytes = new Uint8Array(INITIAL_BYTES);
  /** Row → end of its labels; they start where those of the row before end. */
  #ends = new Uint32Array(INITIAL_ROWS);
  #rows = 0;

  constructor(ledger: InterfaceLedger, ranges: RangeTable) {
    this.#ledger = ledger;
    this.#ranges = ranges;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Version of the row's address; makes its labels where they are not there yet. */
  version(row: number): 4 | 6 {
    while (this.#rows <= row) this.#append();
    return this.#ranges.ranges[this.#ledger.rows.rangeOf(row)]!.version;
  }

  start(row: number): number {
    return row === 0 ? 0 : this.#ends[row - 1]!;
  }

  end(row: number): number {
    return this.#ends[row]!;
  }

  #append(): void {
    const row = this.#rows++;
    const start = this.start(row);
    const labels = encoder.encode(this.#text(row));
    if (row === this.#ends.length) {
      const ends = new Uint32Array(this.#ends.length * 2);
      ends.set(this.#ends);
      this.#ends = ends;
    }
    if (start + labels.length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, start + labels.length));
      bytes.set(this.#bytes);
      this.#bytes = bytes;
    }
    this.#bytes.set(labels, start);
    this.#ends[row] = start + labels.length;
  }

  #text(row: number): string {
    const range = this.#ranges.ranges[this.#ledger.rows.rangeOf(row)]!;
    const labels = [["interface", this.#ledger.name], ...range.labels, ["ip", this.#ip(row)]] as const;
    return labels.map(([name, value]) => labelText(name, value)).join(",");
  }

  #ip(row: number): string {
    const { rows } = this.#ledger;
    if (rows.isOther(row)) return "other";
    const { version, rollupBits } = this.#ranges.ranges[rows.rangeOf(row)]!;
    const word = (k: number): number => rows.addressWord(row, k);
    const address = version === 4 ? formatIpv4(word(0)) : formatIpv6(word(0), word(1), word(2), word(3));
    return rollupBits === (version === 4 ? 32 : 128) ? address : `${address}/${rollupBits}`;
  }
}
