import { encoded } from "../../ledger/zones/names.ts";
import { formatIpv4, formatIpv6, isIpv4, MAPPED_BITS, parseAddress } from "../../packet/address.ts";

const SLASH = 0x2f;
const DOT = 0x2e;
const COLON = 0x3a;
const DIGIT_0 = 0x30;
const SMALL_A = 0x61;
const SMALL_F = 0x66;
const GROUPS = 8;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The prefix that was parsed last. Reused: a file has a million. */
export class Prefix {
  version: 4 | 6 = 4;
  /** The most significant word first; an IPv4 address is the last one. */
  readonly words = new Uint32Array(4);
  bits = 0;
  readonly #groups = new Uint16Array(GROUPS);

  /** Reads ADDRESS or NETWORK/LENGTH; returns why it is none, undefined when it is one. */
  parse(text: string): string | undefined {
    const bytes = encoded(text);
    return this.parseBytes(bytes, 0, bytes.length);
  }

  /** Likewise, of bytes[from, to). */
  parseBytes(bytes: Uint8Array, from: number, to: number): string | undefined {
    let end = from;
    while (end < to && bytes[end] !== SLASH) end++;
    if (!this.#parseIpv4(bytes, from, end) && !this.#parseIpv6(bytes, from, end)) {
      if (!this.#parseAddress(textOf(bytes, from, end))) {
        const quoted = JSON.stringify(textOf(bytes, from, to));
        return `${quoted} is no prefix; legal is ADDRESS or NETWORK/LENGTH, as in 192.0.2.0/24`;
      }
    }
    const width = this.version === 4 ? 32 : 128;
    this.bits = end === to ? width : lengthAt(bytes, end + 1, to);
    if (!(this.bits <= width)) {
      return `${JSON.stringify(textOf(bytes, from, to))} has no prefix length from 0 to ${width}`;
    }
    if (!this.#clearBeyond()) {
      this.#unmap();
      return undefined;
    }
    const legal = `${this.#format()}/${this.bits}`;
    return `${JSON.stringify(textOf(bytes, from, to))} has bits set beyond /${this.bits}; legal is ${legal}`;
  }

  /* The forms that nearly all addresses have, without an object for each. */

  #parseIpv4(bytes: Uint8Array, from: number, end: number): boolean {
    let [value, octet, digits, octets] = [0, 0, 0, 1];
    for (let at = from; at < end; at++) {
      const code = bytes[at]!;
      if (code === DOT) {
        if (digits === 0 || ++octets > 4) return false;
        value = value * 256 + octet;
        [octet, digits] = [0, 0];
        continue;
      }
      const digit = code - DIGIT_0;
      // A leading zero makes some programs read it as octal.
      if (!(digit >= 0 && digit <= 9) || (digits > 0 && octet === 0)) return false;
      octet = octet * 10 + digit;
      digits++;
      if (octet > 255) return false;
    }
    if (octets !== 4 || digits === 0) return false;
    this.version = 4;
    this.words.fill(0);
    this.words[3] = value * 256 + octet;
    return true;
  }

  /** All but addresses that end in an IPv4 one. */
  #parseIpv6(bytes: Uint8Array, from: number, end: number): boolean {
    const groups = this.#groups.fill(0);
    let [count, gap, value, digits] = [0, -1, 0, 0];
    for (let at = from; at <= end; at++) {
      const code = at === end ? COLON : bytes[at]!;
      if (code !== COLON) {
        const digit = hexDigit(code);
        if (digit < 0 || ++digits > 4) return false;
        value = value * 16 + digit;
      } else if (digits > 0) {
        if (count === GROUPS) return false;
        groups[count++] = value;
        [value, digits] = [0, 0];
        // What ends in a colon ends in two.
        if (at === end - 1) return false;
      } else if (at !== from && at !== end) {
        if (gap >= 0) return false;
        gap = count;
      } else if (at === from && (end === from || bytes[from + 1] !== COLON)) return false;
    }
    if (gap < 0 ? count !== GROUPS : count === GROUPS) return false;
    if (gap >= 0) {
      groups.copyWithin(GROUPS - (count - gap), gap, count);
      groups.fill(0, gap, GROUPS - (count - gap));
    }
    this.version = 6;
    for (let word = 0; word < 4; word++) this.words[word] = groups[2 * word]! * 65_536 + groups[2 * word + 1]!;
    return true;
  }

  #parseAddress(text: string): boolean {
    const address = parseAddress(text);
    if (address === null) return false;
    this.version = address.version;
    for (let index = 0; index < 4; index++) {
      this.words[index] = Number((address.value >> BigInt(96 - 32 * index)) & 0xffff_ffffn);
    }
    return true;
  }

  /** See `unmapped`. */
  #unmap(): void {
    if (this.version === 4 || this.bits < MAPPED_BITS || !isIpv4(this.words)) return;
    this.version = 4;
    this.words[2] = 0;
    this.bits -= MAPPED_BITS;
  }

  /** Clears the bits behind the prefix; returns whether any was set. */
  #clearBeyond(): boolean {
    const unused = this.version === 4 ? 96 : 0;
    let wasSet = false;
    for (let index = unused / 32; index < 4; index++) {
      const kept = Math.min(32, Math.max(0, this.bits + unused - 32 * index));
      const mask = kept === 0 ? 0 : (0xffff_ffff << (32 - kept)) >>> 0;
      wasSet ||= (this.words[index]! & ~mask) !== 0;
      this.words[index]! &= mask;
    }
    return wasSet;
  }

  #format(): string {
    const [word0, word1, word2, word3] = this.words as unknown as [number, number, number, number];
    return this.version === 4 ? formatIpv4(word3) : formatIpv6(word0, word1, word2, word3);
  }
}

/** The number of up to three digits; NaN if it is none. */
function lengthAt(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - DIGIT_0;
    if (!(digit >= 0 && digit <= 9) || (at > start && value === 0)) return Number.NaN;
    value = value * 10 + digit;
  }
  return end === start || end > start + 3 ? Number.NaN : value;
}

function textOf(bytes: Uint8Array, from: number, to: number): string {
  return decoder.decode(bytes.subarray(from, to));
}

/** -1 if it is none. */
function hexDigit(code: number): number {
  const digit = code - DIGIT_0;
  if (digit >= 0 && digit <= 9) return digit;
  const small = code | 0x20;
  return small >= SMALL_A && small <= SMALL_F ? small - SMALL_A + 10 : -1;
}
