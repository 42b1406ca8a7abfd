import { CRC16 } from "./crc16.ts";

const LF = 10;
const CR = 13;
const SEMICOLON = 0x3b;
const BAR = 0x7c;
/** An IMEI has 15 digits; other names of devices are let through up to this. */
const MAX_TEXT_CHARACTERS = 64;
const CHECKSUM_CHARACTERS = 4;

/** Fields that are known by their text are read by the way; no line has one of this index. */
export const NO_FIELD = -1;

/** Whether the byte ends a line. */
export function endsLine(byte: number): boolean {
  return byte === CR || byte === LF;
}

/**
 * What is known of the fields of a line while it passes: only numbers, because a line may come byte by byte and be of any
 * length. A field ends at `;`, and one of a black box at `|` too.
 */
export class LineFields {
  /** Index of the field that is being read. */
  index = 0;
  /** Text of the field `wanted`, its first MAX_TEXT_CHARACTERS; complete once `index` is past it. */
  text = "";
  wanted = NO_FIELD;
  /** The last four characters of the field that is being read, and how many it has (at least; more than 2^31 never). */
  packed = 0;
  length = 0;
  #crc = 0;
  /** Checksum of all before the field that is being read. */
  #crcBefore = 0;
  #bars = 0;
  /** `index` at the last bar. */
  #indexAtBar = 0;

  /** Begins a line, of which the text of one field is `wanted`. */
  begin(wanted: number): void {
    this.index = 0;
    this.text = "";
    this.wanted = wanted;
    this.packed = 0;
    this.length = 0;
    this.#crc = 0;
    this.#crcBefore = 0;
    this.#bars = 0;
    this.#indexAtBar = 0;
  }

  /** Reads on, up to the end of the line or of the bytes; returns where it stopped. Hot; does not allocate. */
  read(bytes: Uint8Array, at: number, end: number): number {
    if (this.index <= this.wanted) return this.#readText(bytes, at, end);
    let crc = this.#crc;
    let packed = this.packed;
    let length = this.length;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === CR || byte === LF) break;
      crc = CRC16[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
      if (byte === SEMICOLON || byte === BAR) {
        this.#separate(byte, crc);
        packed = 0;
        length = 0;
      } else {
        packed = (packed << 8) | byte;
        length = (length + 1) & 0x3fffffff;
      }
    }
    this.#crc = crc;
    this.packed = packed;
    this.length = length;
    return at;
  }

  /** Reads on up to the end of the field, which is wanted or comes before the one that is. */
  #readText(bytes: Uint8Array, at: number, end: number): number {
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (endsLine(byte)) return at;
      this.#crc = CRC16[(this.#crc ^ byte) & 0xff]! ^ (this.#crc >>> 8);
      if (byte === SEMICOLON || byte === BAR) {
        this.#separate(byte, this.#crc);
        return at + 1;
      }
      this.packed = (this.packed << 8) | byte;
      this.length++;
      if (this.index === this.wanted && this.text.length < MAX_TEXT_CHARACTERS) this.text += String.fromCharCode(byte);
    }
    return at;
  }

  #separate(byte: number, crc: number): void {
    this.#crcBefore = crc;
    this.index++;
    this.packed = 0;
    this.length = 0;
    if (byte !== BAR) return;
    this.#bars++;
    this.#indexAtBar = this.index;
  }

  /** Whether the last field is the checksum of what is before it: in hexadecimal, of either case. */
  isChecksummed(): boolean {
    return this.index > 0 && this.checksum() === this.#crcBefore;
  }

  /** The last field as a checksum; -1 if it is none. */
  checksum(): number {
    if (this.length === 0 || this.length > CHECKSUM_CHARACTERS) return -1;
    let value = 0;
    for (let shift = (this.length - 1) * 8; shift >= 0; shift -= 8) {
      const digit = hexDigit((this.packed >>> shift) & 0xff);
      if (digit < 0) return -1;
      value = (value << 4) | digit;
    }
    return value;
  }

  /** Points of a black box: what stands before a bar, and behind the last one if it is more than a checksum. */
  points(): number {
    return this.#bars + (this.index > this.#indexAtBar ? 1 : 0);
  }
}

function hexDigit(character: number): number {
  if (character >= 0x30 && character <= 0x39) return character - 0x30;
  const letter = character | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
