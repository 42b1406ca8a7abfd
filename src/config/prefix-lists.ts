import { illegal, list, toggle } from "./flag.ts";
import { section, type ValueOf } from "./section.ts";

/** What has counters of its own. */
export const SERIES = ["address", "prefix", "labels"] as const;
export type Series = (typeof SERIES)[number];

export const LIST_FORMATS = ["csv", "json", "jsonl", "networks"] as const;
export type ListFormat = (typeof LIST_FORMATS)[number];

/** A file with prefixes and their labels. */
export interface PrefixList {
  readonly path: string;
  readonly series: Series;
  /** null: what it begins with tells. */
  readonly format: ListFormat | null;
}

/** A prefix that stands in the configuration file itself. */
export interface InlinePrefix {
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly series: Series;
  /** Where it stands in the configuration file. */
  readonly line: number;
  readonly column: number;
}

const OPTIONS = { series: SERIES, format: LIST_FORMATS } as const;
const LEGAL = `FILE, then :series=${SERIES.join("|")} or :format=${LIST_FORMATS.join("|")}`;

const FLAGS = {
  prefixLists: list({
    name: "range-file",
    isOfTraffic: true,
    key: "ranges.file",
    value: "FILE",
    help:
      "File of prefixes with labels: CSV with a header such as prefix,customer; JSON, JSON lines, or pmacct's " +
      "networks_file. The longest prefix has an address; ranges of -r go before. :series=address, prefix or labels " +
      "behind the name says what has series of its own; labels if nothing does.",
    parse: parsePrefixList,
  }),
  isLenient: toggle({
    name: "config.lenient",
    key: "lenient",
    needs: ["range-file"],
    help: "Skip and count lines of --range-file that are wrong, instead of refusing the file.",
  }),
};

/** Prefixes that files list. */
export const prefixListsSection = section("Traffic", FLAGS);
export type PrefixListsConfig = ValueOf<typeof prefixListsSection>;

/** As the flag has it. */
export function formatPrefixList({ path, series, format }: PrefixList): string {
  return `${path}:series=${series}${format === null ? "" : `:format=${format}`}`;
}

/** Reads FILE[:series=…][:format=…]. */
export function parsePrefixList(text: string, spelling: string): PrefixList {
  const [, path = "", options = ""] = /^([^]*?)((?::(?:series|format)=[^:=]*)*)$/.exec(text)!;
  if (path.trim() === "" || path.includes("\0")) throw illegal(spelling, text, LEGAL);
  const chosen = new Map<string, string>();
  for (const option of options.split(":").slice(1)) {
    const [name = "", value = ""] = option.split("=");
    const words: readonly string[] = OPTIONS[name as keyof typeof OPTIONS];
    if (!words.includes(value) || chosen.has(name)) throw illegal(spelling, text, LEGAL);
    chosen.set(name, value);
  }
  return {
    path,
    series: (chosen.get("series") ?? "labels") as Series,
    format: (chosen.get("format") ?? null) as ListFormat | null,
  };
}
