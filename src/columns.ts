/** The first that is neither narrow nor wide; nearly all texts have none. */
const FIRST_COMBINING = "\u0300";
/** What stands on the character before it; of Hangul, the vowels and ends of a syllable. */
const COMBINING = /[\p{Mn}\p{Me}\u1160-\u11ff]/u;
/** Blocks of scripts that are wide (EastAsianWidth.txt of Unicode), and what is drawn as an emoji. */
const WIDE =
  /(?!\u303f)[\u1100-\u115f\u2329\u232a\u2e80-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{16fe0}-\u{1b2ff}\u{20000}-\u{3fffd}\p{Emoji_Presentation}]/u;

/** Columns that a terminal takes to show a text. */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const character of text) columns += widthOf(character);
  return columns;
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
  if (character < FIRST_COMBINING) return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
