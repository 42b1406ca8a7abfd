import type { ListFormat } from "../../config/prefix-lists.ts";

/**
 * Tells the format of a list by its first line that is neither empty nor a comment. A line with a prefix as its last
 * field is pmacct's: names of labels, which a header of CSV holds, have no slash.
 */
export function sniffFormat(text: string): ListFormat {
  const line = /^[^\S\n]*([^\s#!][^\n]*)$/m.exec(text)?.[1] ?? "";
  if (line.startsWith("[")) return "json";
  if (line.startsWith("{")) return "jsonl";
  return /(?:^|,)\s*[0-9a-fA-F.:]+\/[0-9]+\s*$/.test(line) ? "networks" : "csv";
}
