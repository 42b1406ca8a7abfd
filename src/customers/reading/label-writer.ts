import { grown } from "../../grown-array.ts";
import { labelText } from "../../page/labels.ts";

const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BLANK = 0x20;
const TILDE = 0x7e;
/** Of a UTF-16 code unit. */
const MAX_UTF8_BYTES = 3;
const encoder = new TextEncoder();

/** Writes the labels of a prefix as the page has them, as bytes: no string for each of a million. */
export class LabelWriter {
  /** Replaced by another array when it is too short. */
  bytes = new Uint8Array(4096);
  /** Of what was written since `clear`. */
  length = 0;
  readonly #names: string[] = [];
  /** What the value of each label stands behind. */
  readonly #heads: Uint8Array[] = [];

  /** Takes a name for the next label. */
  name(name: string): void {
    this.#names.push(name);
    this.#heads.push(encoder.encode(`${name}="`));
  }

  clear(): void {
    this.length = 0;
  }

  /** Writes a label, by its index. */
  text(label: number, value: string): void {
    const text = labelText(this.#names[label]!, value);
    this.#reserve(text.length * MAX_UTF8_BYTES);
    this.#separate();
    this.length += encoder.encodeInto(text, this.bytes.subarray(this.length)).written;
  }

  /** Likewise, with the value source[from, to); false, and writes nothing, if that must be looked at as a text. */
  ascii(label: number, source: Uint8Array, from: number, to: number): boolean {
    const before = this.length;
    const head = this.#heads[label]!;
    this.#reserve(head.length + to - from);
    this.#separate();
    const { bytes } = this;
    let at = this.length;
    for (let k = 0; k < head.length; k++) bytes[at++] = head[k]!;
    for (let k = from; k < to; k++) {
      const byte = source[k]!;
      if (byte < BLANK || byte > TILDE || byte === QUOTE || byte === BACKSLASH) {
        this.length = before;
        return false;
      }
      bytes[at++] = byte;
    }
    bytes[at++] = QUOTE;
    this.length = at;
    return true;
  }

  #separate(): void {
    if (this.length > 0) this.bytes[this.length++] = COMMA;
  }

  /** Makes room for so many bytes, a comma and a quote. */
  #reserve(bytes: number): void {
    const end = this.length + bytes + 2;
    if (end > this.bytes.length) this.bytes = grown(this.bytes, end);
  }
}
