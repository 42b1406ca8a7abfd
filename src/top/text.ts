/** What a terminal would obey, or what would turn or hide what stands around it. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Co}\p{Cs}]/gu;
const COMBINING = /^\p{M}+$/u;
const WIDE =
  /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|[\u3000-\u303f\uff01-\uff60]/u;

/** Text that does nothing to a terminal but stand there. */
export function plain(text: string): string {
  return text.replace(UNPRINTABLE, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** Text cut or filled to a number of columns. */
export function cell(text: string, columns: number): string {
  let width = 0;
  let result = "";
  for (const character of text) {
    const next = widthOf(character);
    if (width + next > columns) break;
    result += character;
    width += next;
  }
  return result + " ".repeat(columns - width);
}

function widthOf(character: string): number {
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
