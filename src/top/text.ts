const BARS = "▁▂▃▄▅▆▇█";
/** What stands for them, and for other characters of ours, if the locale has them not. */
const PLAIN: Readonly<Record<string, string>> = {
  ...Object.fromEntries(Array.from(BARS, (bar, height) => [bar, "_.-:=+*#"[height]!])),
  "–": "-",
  "\u202f": " ",
};

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
