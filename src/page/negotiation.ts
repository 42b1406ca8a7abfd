/** The text formats a page can be written in. */
export const Format = { TEXT: "text", OPENMETRICS: "openmetrics" } as const;
export type Format = (typeof Format)[keyof typeof Format];

/** Prometheus 3 refuses a page whose content type it does not know, so both are sent to the letter. */
export const CONTENT_TYPE = {
  [Format.TEXT]: "text/plain; version=0.0.4; charset=utf-8",
  [Format.OPENMETRICS]: "application/openmetrics-text; version=1.0.0; charset=utf-8",
} as const satisfies Record<Format, string>;

interface MediaRange {
  /** A media type or a wildcard, in lower case. */
  name: string;
  version: string | undefined;
  /** 0 (refused) to 1. */
  quality: number;
}

/** Names from the most to the least specific; `versions` are those that a reader of our text understands. */
const SERVED: Record<Format, { names: string[]; versions: string[] }> = {
  [Format.TEXT]: { names: ["text/plain", "text/*", "*/*"], versions: ["0.0.4"] },
  // OpenMetrics 0.0.1 is the draft of 1.0.0: what parses one parses the other.
  [Format.OPENMETRICS]: {
    names: ["application/openmetrics-text", "application/*", "*/*"],
    versions: ["1.0.0", "0.0.1"],
  },
};

/**
 * Chooses the format for an Accept header (RFC 9110 section 12.5.1). There is always an answer: text if the header is
 * missing, cannot be read or asks for nothing that is served, because a scraper can do more with it than with a 406.
 */
export function chooseFormat(accept: string | undefined): Format {
  const ranges = (accept ?? "").split(",").map(parseRange);
  return isPreferred(wish(ranges, Format.OPENMETRICS), wish(ranges, Format.TEXT)) ? Format.OPENMETRICS : Format.TEXT;
}

interface Wish {
  quality: number;
  /** 0 if the format is named, more the wider the wildcard that covers it. */
  width: number;
  position: number;
}

function isPreferred(a: Wish, b: Wish): boolean {
  if (a.quality !== b.quality) return a.quality > b.quality;
  if (a.quality === 0) return false;
  return a.width !== b.width ? a.width < b.width : a.position < b.position;
}

/** What the header says of a format: the quality of the most specific range that covers it, and where it stands. */
function wish(ranges: readonly MediaRange[], format: Format): Wish {
  const { names, versions } = SERVED[format];
  for (const [width, name] of names.entries()) {
    const matching = ranges.filter(
      (range) => range.name === name && (range.version === undefined || versions.includes(range.version)),
    );
    if (matching.length === 0) continue;
    const best = matching.reduce((a, b) => (b.quality > a.quality ? b : a));
    return { quality: best.quality, width, position: ranges.indexOf(best) };
  }
  return { quality: 0, width: names.length, position: ranges.length };
}

/** Reads `type/subtype;version=1.0.0;q=0.5`; parameters of other names do not matter here. */
function parseRange(text: string): MediaRange {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const range: MediaRange = { name, version: undefined, quality: 1 };
  for (const parameter of parameters) {
    const [key, value = ""] = parameter.split("=").map((part) => part.trim());
    if (key === "version") range.version = value.replaceAll('"', "");
    if (key === "q") range.quality = /^(?:0(?:\.\d*)?|1(?:\.0*)?)$/.test(value) ? Number(value) : 0;
  }
  return range;
}
