/** Longest object that is kept, in UTF-16 code units; the elements of a set are no part of it. */
const MAX_OBJECT_LENGTH = 1024 * 1024;

/** Brackets open inside of an object and inside of its elements: `{"nftables": [{"set": {"elem": [1, 2]}}]}`. */
const OBJECT_DEPTH = 3;
const ELEMENTS_DEPTH = 5;
const ELEMENTS_KEY = /"elem"\s*:\s*\[$/;

const QUOTE = 34;
const COMMA = 44;
const OPEN_BRACKET = 91;
const BACKSLASH = 92;
const CLOSE_BRACKET = 93;
const OPEN_BRACE = 123;
const CLOSE_BRACE = 125;

/** Takes an object of the ruleset, and how many elements were left out of it; null for one that can't be read. */
export type ObjectListener = (object: unknown, elements: number) => void;

/**
 * Cuts what `nft -j` prints, one long line that comes in pieces, into its objects. The elements of sets, which may be
 * millions, are counted and not kept.
 */
export class Objects {
  readonly #onObject: ObjectListener;
  #hasBegun = false;
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  /** Whether what is read now are elements. */
  #isCounting = false;
  #elements = 0;
  /** The object so far; null if it is too long to be kept. */
  #kept: string | null = "";

  constructor(onObject: ObjectListener) {
    this.#onObject = onObject;
  }

  /** Whether all brackets are closed. */
  get isWhole(): boolean {
    return this.#hasBegun && this.#depth === 0;
  }

  push(text: string): void {
    /** Where the part begins that is not kept yet. */
    let from = 0;
    let at = this.#isInString ? this.#stringEnd(text, 0) : 0;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === QUOTE) at = this.#stringEnd(text, at + 1) - 1;
      else if (code === OPEN_BRACE || code === OPEN_BRACKET) from = this.#open(text, from, at);
      else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) from = this.#close(text, from, at);
      else if (code === COMMA && this.#isCounting && this.#depth === ELEMENTS_DEPTH) this.#elements++;
    }
    if (this.#depth >= OBJECT_DEPTH && !this.#isCounting) this.#keep(text.slice(from));
  }

  /** Where the string ends that `at` is inside of, its closing quote included; notes where it goes on. */
  #stringEnd(text: string, at: number): number {
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (this.#isEscaped) this.#isEscaped = false;
      else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) {
        this.#isInString = false;
        return at + 1;
      }
    }
    this.#isInString = true;
    return at;
  }

  #open(text: string, from: number, at: number): number {
    this.#hasBegun = true;
    this.#depth++;
    if (this.#depth === OBJECT_DEPTH) {
      this.#kept = "";
      this.#elements = 0;
      return at;
    }
    if (this.#depth !== ELEMENTS_DEPTH || this.#isCounting || text.charCodeAt(at) !== OPEN_BRACKET) return from;
    this.#keep(text.slice(from, at + 1));
    if (this.#kept !== null && ELEMENTS_KEY.test(this.#kept.slice(-16))) {
      this.#isCounting = true;
      // One more than commas: nft leaves the key out if there is no element (set_print_json in src/json.c).
      this.#elements = 1;
    }
    return at + 1;
  }

  #close(text: string, from: number, at: number): number {
    const depth = this.#depth--;
    if (depth === ELEMENTS_DEPTH && this.#isCounting) {
      this.#isCounting = false;
      return at;
    }
    if (depth !== OBJECT_DEPTH) return from;
    this.#keep(text.slice(from, at + 1));
    this.#onObject(parsed(this.#kept), this.#elements);
    return at + 1;
  }

  #keep(text: string): void {
    const length = (this.#kept?.length ?? MAX_OBJECT_LENGTH) + text.length;
    this.#kept = this.#kept === null || length > MAX_OBJECT_LENGTH ? null : this.#kept + text;
  }
}

function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
