const BARS = "▁▂▃▄▅▆▇█";
const COMBINING = /^\p{M}+$/u;
const WIDE =
  /\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|[\u3000-\u303f\uff01-\uff60]/u;

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

/** The last values as bars, as many as there are columns; the highest is the largest. */
export function sparkline(history: readonly number[], columns: number): string {
  const values = history.slice(-columns);
  const largest = Math.max(...values, Number.MIN_VALUE);
  return values.map((value) => BARS[Math.min(Math.floor((value / largest) * BARS.length), BARS.length - 1)]).join("");
}
