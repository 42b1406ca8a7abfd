import { keyOf, keyOfText } from "./packed-text.ts";

/** The types of Wialon IPS 1.0, 1.1 and 2.0: what trackers send, then what servers send; an index into tables by type. */
const SENT_BY_TRACKERS = ["L", "D", "P", "SD", "B", "I", "M", "IT", "T"] as const;
const SENT_BY_SERVERS = ["AL", "AD", "AP", "ASD", "AB", "AM", "AI", "AIT", "AT", "US", "UC", "QI", "QT"] as const;
export const TYPE_NAMES = [...SENT_BY_TRACKERS, ...SENT_BY_SERVERS] as const;
export type TypeName = (typeof TYPE_NAMES)[number];
export const TYPE_COUNT = TYPE_NAMES.length;

/** No type has more letters. */
export const MAX_TYPE_LETTERS = 3;

export function typeOf(name: TypeName): number {
  return TYPE_NAMES.indexOf(name);
}

export const LOGIN = typeOf("L");
export const LOGIN_ANSWER = typeOf("AL");
export const BLACK_BOX = typeOf("B");
export const BLACK_BOX_ANSWER = typeOf("AB");

const TYPE_OF_LETTERS: ReadonlyMap<number, number> = new Map(TYPE_NAMES.map((name, type) => [keyOfText(name), type]));

/** The type of letters that are packed into one number, the last one lowest; -1 if there is none. */
export function typeOfLetters(packed: number, count: number): number {
  return TYPE_OF_LETTERS.get(keyOf(packed, count)) ?? -1;
}

/** Answer → what it answers; -1 for all that is no answer. */
export const ANSWERED: Int8Array = byType((name) =>
  name.startsWith("A") ? TYPE_NAMES.indexOf(name.slice(1) as TypeName) : -1,
);

/** Type → 1 if an answer is due. */
export const IS_REQUEST: Int8Array = byType((_, type) => (ANSWERED.includes(type) ? 1 : 0));

/** Type → the field of its line that is the length of the binary data behind the line; -1 if there is none. */
export const LENGTH_FIELD: Int8Array = byType((name) => ({ I: 0, T: 1, US: 0, UC: 0 })[name as string] ?? -1);

/** Type → 1 if version 2.0 puts a checksum at the end of the line. */
export const HAS_CHECKSUM: Int8Array = byType((name) =>
  ["L", "SD", "D", "B", "M", "I", "IT", "T", "US", "UC"].includes(name) ? 1 : 0,
);

function byType(valueOf: (name: TypeName, type: number) => number): Int8Array {
  return Int8Array.from(TYPE_NAMES, valueOf);
}
