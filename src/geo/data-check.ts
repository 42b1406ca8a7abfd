/* The types of values (MaxMind DB File Format 2.0, "Data Field Format") that need a look of their own. */
const EXTENDED = 0;
const POINTER = 1;
const STRING = 2;
const MAP = 7;
const ARRAY = 11;
const BOOLEAN = 14;
/** Least and most bytes of the payload, by the type of what is no container. */
const LEGAL_BYTES: ReadonlyMap<number, readonly [number, number]> = new Map([
  [STRING, [0, Number.POSITIVE_INFINITY]],
  // a double, bytes, whole numbers of 16 and 32 bits
  [3, [8, 8]],
  [4, [0, Number.POSITIVE_INFINITY]],
  [5, [0, 2]],
  [6, [0, 4]],
  // signed numbers of 32 bits, whole ones of 64 and 128, a float
  [8, [0, 4]],
  [9, [0, 8]],
  [10, [0, 16]],
  [15, [4, 4]],
]);

/** Real records have at most some hundred values, five deep. */
const MAX_DEPTH = 32;
const MAX_VALUES = 65_536;

/** What a pointer's own bits are added to, by the size of the pointer. */
const POINTER_BASE = [0, 2048, 526_336, 0];

/**
 * Checks values of a data section before anything decodes them: that they lie inside, have types that exist, and stay
 * small when their pointers are followed, so that decoding ends and throws nothing. Every value that pointers share is
 * checked once.
 */
export class DataCheck {
  readonly #bytes: Uint8Array;
  readonly #start: number;
  readonly #end: number;
  /** Where pointers lead → how many values there are, all pointers followed. */
  readonly #valuesAt = new Map<number, number>();
  /** Where the value ends that was checked last. */
  #position = 0;

  /** The section lies in `bytes` from `start` to `end`. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    this.#start = start;
    this.#end = end;
  }

  /** Checks the map at a position in the file; throws an Error that tells what is wrong with it. */
  checkMap(at: number): void {
    if (at < this.#start || at >= this.#end) throw new Error(`a record lies outside of the data, at byte ${at}`);
    const isPointer = this.#bytes[at]! >>> 5 === POINTER;
    const map = isPointer ? this.#pointerAt(at) : at;
    if (this.#bytes[map]! >>> 5 !== MAP) throw new Error(`a record is no map, at byte ${at}`);
    this.#countAt(map, 0);
  }

  #countAt(at: number, depth: number): number {
    const known = this.#valuesAt.get(at);
    if (known !== undefined) return known;
    const values = this.#count(at, depth);
    this.#valuesAt.set(at, values);
    return values;
  }

  /** Counts the values of the one at `at`, itself included; leaves the position behind it. */
  #count(at: number, depth: number): number {
    if (depth > MAX_DEPTH) throw new Error(`the data is nested more than ${MAX_DEPTH} deep, at byte ${at}`);
    const control = this.#byte(at);
    if (control >>> 5 === POINTER) {
      const target = this.#pointerAt(at);
      const end = at + 2 + ((control >>> 3) & 3);
      if (this.#byte(target) >>> 5 === POINTER) throw new Error(`a pointer leads to a pointer, at byte ${at}`);
      const values = this.#countAt(target, depth + 1);
      this.#position = end;
      return values;
    }
    const isExtended = control >>> 5 === EXTENDED;
    // only types above 7 need the byte more
    const type = isExtended ? this.#byte(at + 1) + 7 : control >>> 5;
    if (isExtended && type <= MAP) throw new Error(`a value has a type that there is not, at byte ${at}`);
    const size = this.#sizeAt(at + (isExtended ? 2 : 1), control & 0x1f);
    if (type === MAP) return this.#countElements(size, true, depth);
    if (type === ARRAY) return this.#countElements(size, false, depth);
    this.#position += this.#payloadBytes(at, type, size);
    if (this.#position > this.#end) throw new Error(`a value is cut short, at byte ${at}`);
    return 1;
  }

  #countElements(size: number, isMap: boolean, depth: number): number {
    const at = this.#position;
    let values = 1;
    for (let element = 0; element < size; element++) {
      if (isMap) values += this.#countKey(depth);
      values += this.#count(this.#position, depth + 1);
      if (values > MAX_VALUES) throw new Error(`there are more than ${MAX_VALUES} values in one, at byte ${at}`);
    }
    return values;
  }

  #countKey(depth: number): number {
    const at = this.#position;
    const control = this.#byte(at);
    const key = control >>> 5 === POINTER ? this.#byte(this.#pointerAt(at)) : control;
    if (key >>> 5 !== STRING) throw new Error(`a key is no text, at byte ${at}`);
    return this.#count(at, depth + 1);
  }

  /** Reads a size of which `bits` are the first part; leaves the position behind it. */
  #sizeAt(at: number, bits: number): number {
    const extra = Math.max(bits - 28, 0);
    this.#position = at + extra;
    if (extra === 0) return bits;
    if (extra === 1) return 29 + this.#byte(at);
    if (extra === 2) return 285 + ((this.#byte(at) << 8) | this.#byte(at + 1));
    return 65_821 + ((this.#byte(at) << 16) | (this.#byte(at + 1) << 8) | this.#byte(at + 2));
  }

  #payloadBytes(at: number, type: number, size: number): number {
    if (type === BOOLEAN) return 0;
    const [least, most] = LEGAL_BYTES.get(type) ?? [1, 0];
    if (least <= size && size <= most) return size;
    throw new Error(`a value has a type or size that there is not, at byte ${at}`);
  }

  /** Where the pointer at `at` leads. */
  #pointerAt(at: number): number {
    const control = this.#byte(at);
    const extra = (control >>> 3) & 3;
    let value = extra === 3 ? 0 : control & 7;
    for (let index = 0; index <= extra; index++) value = value * 256 + this.#byte(at + 1 + index);
    const target = this.#start + POINTER_BASE[extra]! + value;
    if (target >= this.#end) throw new Error(`a pointer leads out of the data, at byte ${at}`);
    return target;
  }

  #byte(at: number): number {
    if (at >= this.#end) throw new Error(`the data is cut short, at byte ${at}`);
    return this.#bytes[at]!;
  }
}
