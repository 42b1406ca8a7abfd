import { ListFault } from "./prefix-sink.ts";

/** Longer than any line that a person or a program would write. */
export const MAX_LINE_LENGTH = 2 ** 20;

/** Texts of a file, in pieces of any length. */
export type Texts = AsyncIterable<string>;

/** Tells each line of a text, without its end, and its number. Throws ListFault at one that is too long. */
export async function eachLine(texts: Texts, take: (line: string, number: number) => void): Promise<void> {
  let number = 1;
  let rest = "";
  for await (const piece of texts) {
    const text = rest + piece;
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      take(withoutReturn(text.slice(start, end)), number++);
      start = end + 1;
    }
    rest = text.slice(start);
    if (rest.length > MAX_LINE_LENGTH) throw new ListFault(number, "the line is longer than 1 MiB");
  }
  if (rest !== "") take(withoutReturn(rest), number);
}

function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}
