const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3, // U+00B5, the micro sign
  μs: 1e-3, // U+03BC, the Greek letter
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy;
/** What 64 bits of nanoseconds hold. */
const MAX_MS = 2 ** 63 / 1e6;

/**
 * Reads a duration as Go's time.ParseDuration does, such as `1s`, `1m30s` or `-1.5h`, or a whole number of nanoseconds;
 * in milliseconds. Undefined if it is none.
 */
export function parseDuration(text: string): number | undefined {
  const [, sign = "", rest = ""] = /^([+-]?)(.*)$/s.exec(text)!;
  const size = /^\d{1,19}$/.test(rest) ? Number(rest) * MS_PER_UNIT["ns"]! : partsOf(rest);
  if (size === undefined || size > MAX_MS) return undefined;
  return sign === "-" ? -size : size;
}

function partsOf(text: string): number | undefined {
  PART.lastIndex = 0;
  let sum = 0;
  let end = 0;
  for (let part = PART.exec(text); part !== null; part = PART.exec(text)) {
    sum += Number(part[1]) * MS_PER_UNIT[part[2]!]!;
    end = PART.lastIndex;
  }
  return end > 0 && end === text.length ? sum : undefined;
}
