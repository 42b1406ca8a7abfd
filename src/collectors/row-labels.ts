import { grown } from "../grown-array.ts";
import type { InterfaceLedger } from "../ledger/interface-ledger.ts";
import { vlanLabel } from "../ledger/vlans/vlan.ts";
import { formatIpv4, formatIpv6 } from "../packet/address.ts";
import { LabelList } from "../page/label-list.ts";
import { labelText } from "../page/labels.ts";

const INITIAL_ROWS = 64;
const INITIAL_BYTES = 4096;

/** The labels of an interface, and of the VLAN if they are told apart. */
export function partLabels({ name, vlan }: InterfaceLedger): (readonly [name: string, value: string])[] {
  const ofInterface = [["interface", name]] as const;
  return vlan === undefined ? [...ofInterface] : [...ofInterface, ["vlan", vlanLabel(vlan)]];
}

/**
 * The labels of the rows of one interface as bytes, `interface="eth0",customer="acmecorp",ip="192.0.2.1"`, made once
 * when a row is first asked for after it was given to an address: about 60 bytes a row.
 *
 * Rows are asked for in order, so that the work is spread over the making of the page.
 */
export class RowLabels {
  readonly #ledger: InterfaceLedger;
  readonly #list = new LabelList(INITIAL_ROWS, INITIAL_BYTES);
  /** Row → its edition when its labels were made. */
  #editions = new Uint32Array(INITIAL_ROWS);

  constructor(ledger: InterfaceLedger) {
    this.#ledger = ledger;
  }

  get bytes(): Uint8Array {
    return this.#list.bytes;
  }

  /** Version of the row's address; makes its labels if they are not there yet, or are those of another address. */
  version(row: number): 4 | 6 {
    const { rows } = this.#ledger;
    while (this.#list.count <= row) this.#append();
    if (this.#editions[row] !== rows.editionOf(row)) {
      this.#editions[row] = rows.editionOf(row);
      this.#list.replace(row, this.#text(row));
    }
    return this.#ledger.ranges.ranges[rows.rangeOf(row)]!.version;
  }

  start(row: number): number {
    return this.#list.start(row);
  }

  end(row: number): number {
    return this.#list.end(row);
  }

  #append(): void {
    const row = this.#list.count;
    if (row === this.#editions.length) this.#editions = grown(this.#editions);
    this.#editions[row] = this.#ledger.rows.editionOf(row);
    this.#list.append(this.#text(row));
  }

  #text(row: number): string {
    const range = this.#ledger.ranges.ranges[this.#ledger.rows.rangeOf(row)]!;
    const labels = [...partLabels(this.#ledger), ...range.labels, ["ip", rowAddress(this.#ledger, row)]] as const;
    return labels.map(([name, value]) => labelText(name, value)).join(",");
  }
}

/** What the label ip of a row says: an address, a network, or other. */
export function rowAddress({ rows, ranges }: InterfaceLedger, row: number): string {
  if (rows.isOther(row)) return "other";
  const { version, rollupBits } = ranges.ranges[rows.rangeOf(row)]!;
  const word = (k: number): number => rows.addressWord(row, k);
  const address = version === 4 ? formatIpv4(word(0)) : formatIpv6(word(0), word(1), word(2), word(3));
  return rollupBits === (version === 4 ? 32 : 128) ? address : `${address}/${rollupBits}`;
}
