import { ListFault } from "./prefix-sink.ts";

const NEWLINE = 0x0a;
const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const ARRAY_OPEN = 0x5b;
const ARRAY_CLOSE = 0x5d;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;
const MAX_ELEMENT_LENGTH = 2 ** 26;

const Place = { START: 0, FIRST: 1, ELEMENT: 2, BEHIND: 3, NEXT: 4, END: 5 } as const;
type Place = (typeof Place)[keyof typeof Place];

/** Cuts the elements out of a JSON array that comes in pieces. They may be no JSON; what is between them is judged. */
export class ElementCutter {
  readonly #take: (element: string, line: number) => void;
  #place: Place = Place.START;
  /** What came of an element in pieces before. */
  #held = "";
  #start = 0;
  #startLine = 0;
  #line = 1;
  #depth = 0;
  #isInText = false;
  #isEscaped = false;

  constructor(take: (element: string, line: number) => void) {
    this.#take = take;
  }

  /** Throws ListFault. */
  push(piece: string): void {
    this.#start = 0;
    for (let at = 0; at < piece.length; at++) {
      const code = piece.charCodeAt(at);
      if (code === NEWLINE) this.#line++;
      if (this.#place === Place.ELEMENT) this.#within(piece, at, code);
      else if (!isBlank(code)) this.#between(at, code);
    }
    if (this.#place !== Place.ELEMENT) return;
    this.#held += piece.slice(this.#start);
    if (this.#held.length <= MAX_ELEMENT_LENGTH) return;
    throw new ListFault(this.#startLine, "an element is larger than 64 MiB");
  }

  /** Throws ListFault if the array has not ended. */
  end(): void {
    if (this.#place !== Place.END) throw new ListFault(this.#line, "the array does not end; it may have been cut off");
  }

  #within(piece: string, at: number, code: number): void {
    if (this.#isInText) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (code === BACKSLASH) this.#isEscaped = true;
      else if (code === QUOTE) this.#isInText = false;
    } else if (code === QUOTE) {
      this.#isInText = true;
    } else if (isOpening(code)) {
      this.#depth++;
    } else if (this.#depth === 0 && (code === COMMA || code === ARRAY_CLOSE)) {
      this.#cut(piece, at);
      this.#between(at, code);
    } else if ((code === ARRAY_CLOSE || code === OBJECT_CLOSE) && this.#depth > 0) {
      this.#depth--;
      if (this.#depth === 0) this.#cut(piece, at + 1);
    }
  }

  #cut(piece: string, end: number): void {
    const element = this.#held + piece.slice(this.#start, end);
    this.#held = "";
    this.#place = Place.BEHIND;
    this.#take(element, this.#startLine);
  }

  #between(at: number, code: number): void {
    const place = this.#place;
    const mayEnd = place === Place.BEHIND || place === Place.FIRST;
    const mayBegin = place === Place.NEXT || place === Place.FIRST;
    if (place === Place.START && code === ARRAY_OPEN) this.#place = Place.FIRST;
    else if (place === Place.BEHIND && code === COMMA) this.#place = Place.NEXT;
    else if (mayEnd && code === ARRAY_CLOSE) this.#place = Place.END;
    else if (mayBegin && code !== COMMA && code !== ARRAY_CLOSE) this.#begin(at, code);
    else throw new ListFault(this.#line, `there is an unexpected ${JSON.stringify(String.fromCharCode(code))}`);
  }

  #begin(at: number, code: number): void {
    this.#place = Place.ELEMENT;
    this.#start = at;
    this.#startLine = this.#line;
    this.#isInText = code === QUOTE;
    this.#depth = isOpening(code) ? 1 : 0;
  }
}

function isOpening(code: number): boolean {
  return code === ARRAY_OPEN || code === OBJECT_OPEN;
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0d || code === NEWLINE;
}
