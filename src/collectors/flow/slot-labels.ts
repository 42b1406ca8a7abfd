import { grown } from "../../grown-array.ts";
import { LabelList } from "../../page/label-list.ts";
import { labelText } from "../../page/labels.ts";
import type { AsNames } from "./as-names/as-names.ts";
import { type LabelSets, OTHER_SLOT } from "./label-sets.ts";

const FIRST_SLOTS = 256;
const FIRST_BYTES = 32 * 1024;

/** Names that flow-exporter has for pmacct's keys; all other keys are their own. */
const NAMES: ReadonlyMap<string, string> = new Map([
  ["as_src", "source_as"],
  ["as_dst", "destination_as"],
  ["label", "hostname"],
]);

/**
 * The labels of slots as bytes, `source_as="15169",source_as_name="Google LLC",…`, made once when a slot is first asked
 * for after it was given to a set of labels: about 150 bytes a slot. Made again when ASes have other names.
 *
 * Slots are asked for in order, so that the work is spread over the making of the page.
 */
export class SlotLabels {
  readonly #sets: LabelSets;
  readonly #names: AsNames;
  readonly #labels: readonly { name: string; isAs: boolean }[];
  #edition = -1;
  readonly #list = new LabelList(FIRST_SLOTS, FIRST_BYTES);
  /** Slot → its edition when its labels were made. */
  #editions = new Uint32Array(FIRST_SLOTS);

  /** `keys`: of the labels, as the sets have them. */
  constructor(sets: LabelSets, keys: readonly string[], names: AsNames) {
    this.#sets = sets;
    this.#names = names;
    this.#labels = keys.map((key) => ({ name: NAMES.get(key) ?? key, isAs: key === "as_src" || key === "as_dst" }));
  }

  get bytes(): Uint8Array {
    return this.#list.bytes;
  }

  start(slot: number): number {
    return this.#list.start(slot);
  }

  /** Makes the slot's labels if they are not there yet, or are those of another set. */
  end(slot: number): number {
    while (this.#list.count <= slot) this.#append();
    const edition = this.#sets.editionOf(slot);
    if (this.#editions[slot] !== edition) {
      this.#editions[slot] = edition;
      this.#list.replace(slot, this.textOf(slot));
    }
    return this.#list.end(slot);
  }

  /** Forgets all labels if ASes have got other names since they were made. Not while a page is being written. */
  refresh(): void {
    if (this.#edition === this.#names.edition) return;
    this.#edition = this.#names.edition;
    this.#list.clear();
  }

  /** The labels of a slot, made on purpose. */
  textOf(slot: number): string {
    const values = this.#sets.labelsOf(slot);
    const pairs = this.#labels.flatMap(({ name, isAs }, index) => {
      const value = values[index] ?? "";
      const label = labelText(name, String(value));
      if (!isAs) return label;
      const asName = slot === OTHER_SLOT || typeof value === "string" ? "" : this.#names.nameOf(value);
      return [label, labelText(`${name}_name`, asName)];
    });
    return pairs.join(",");
  }

  #append(): void {
    const slot = this.#list.count;
    if (slot === this.#editions.length) this.#editions = grown(this.#editions);
    this.#editions[slot] = this.#sets.editionOf(slot);
    this.#list.append(this.textOf(slot));
  }
}
