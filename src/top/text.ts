const BARS = "▁▂▃▄▅▆▇█";
/** What stands for them, and for other characters of ours, if the locale has them not. */
const PLAIN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from(BARS, (bar, height) => [bar, "_.-:=+*#"[height]!])),
  "–": "-",
  "\u202f": " ",
};
const COMBINING = /^\p{M}+$/u;
/** Halfwidth forms of scripts that are wide are not. */
const WIDE =
  /(?![\uff61-\uffdc])(?:\p{Emoji_Presentation}|\p{Script=Han}|\p{Script=Hangul}|\p{Script=Hiragana}|\p{Script=Katakana}|[\u3000-\u303f\uff01-\uff60\uffe0-\uffe6])/u;

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

/** Text of ours as a terminal shows it whose locale, as locale(7) finds it in variables, may have no Unicode. */
export function legible(text: string, { LC_ALL, LC_CTYPE, LANG }: NodeJS.ProcessEnv = process.env): string {
  // An empty one counts as none.
  if (/utf-?8/i.test(LC_ALL || LC_CTYPE || LANG || "")) return text;
  return text.replace(/[▁-█–\u202f]/g, (character) => PLAIN[character]!);
}
