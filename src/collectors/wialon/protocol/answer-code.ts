import { keyOf, keyOfText } from "./packed-text.ts";
import { BLACK_BOX_ANSWER, LOGIN_ANSWER } from "./packet-type.ts";

/**
 * The codes of answers in Wialon IPS 1.1 and 2.0: an index into tables. Version 2.0 answers a black box whose checksum is
 * wrong by nothing at all.
 */
export const CODE_NAMES = ["1", "0", "01", "-1", "10", "11", "12", "13", "14", "15", "16", "empty", "other"] as const;
type CodeName = (typeof CODE_NAMES)[number];
export const CODE_COUNT = CODE_NAMES.length;

const MAX_CODE_CHARACTERS = 2;
const [ACCEPTED, NONE, EMPTY, OTHER] = (["1", "0", "empty", "other"] as const).map((name) => CODE_NAMES.indexOf(name));

/** The codes that answer a login. */
export const LOGIN_CODES: readonly number[] = (["1", "0", "01", "10", "other"] satisfies CodeName[]).map((name) =>
  CODE_NAMES.indexOf(name),
);

const CODE_OF_CHARACTERS: ReadonlyMap<number, number> = new Map(
  CODE_NAMES.filter((name) => name.length <= MAX_CODE_CHARACTERS).map((name) => [
    keyOfText(name),
    CODE_NAMES.indexOf(name),
  ]),
);

/**
 * The code of an answer whose last field has `length` characters, the last four of them in `packed`. A black box is
 * answered by the number of its packets that were taken: any but none is success.
 */
export function answerCode(type: number, packed: number, length: number): number {
  if (length === 0) return EMPTY!;
  const code = length > MAX_CODE_CHARACTERS ? OTHER! : (CODE_OF_CHARACTERS.get(keyOf(packed, length)) ?? OTHER!);
  if (type === BLACK_BOX_ANSWER) return code === NONE ? code : ACCEPTED!;
  return type === LOGIN_ANSWER && !LOGIN_CODES.includes(code) ? OTHER! : code;
}

export function isAccepted(code: number): boolean {
  return code === ACCEPTED;
}
