import { type Report, REPORT_FORMAT } from "../status/report.ts";

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isNumber: Check = (value) => typeof value === "number";
const isFlag: Check = (value) => typeof value === "boolean";
const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const objectOf =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    typeof value === "object" &&
    value !== null &&
    Object.entries(checks).every(([name, check]) => check((value as Record<string, unknown>)[name]));

const isLine = objectOf({ name: isText, where: isText, rate: isNumber, sum: isNumber, history: listOf(isNumber) });
/** All that is shown of a report. */
const isReport = objectOf({
  at: isText,
  version: isText,
  uptimeSeconds: isNumber,
  isCounted: isFlag,
  engine: isText,
  refusals: listOf(isText),
  interfaces: listOf(
    objectOf({
      name: isText,
      isUp: isFlag,
      lostPackets: isNumber,
      bytesPerSecond: orNull(isNumber),
      packetsPerSecond: orNull(isNumber),
      history: listOf(isNumber),
    }),
  ),
  collectors: listOf(objectOf({ name: isText, error: orNull(isText) })),
  tops: listOf(
    objectOf({
      title: isText,
      unit: (value) => value === "bytes" || value === "packets",
      byRate: listOf(isLine),
      bySum: listOf(isLine),
    }),
  ),
});

/** Reads the JSON of a report. Throws an Error that says what it is instead. */
export function readReport(text: string): Report {
  let report: unknown;
  try {
    report = JSON.parse(text);
  } catch {
    throw new Error("it answers with what is no JSON: it is no promtap");
  }
  const { format } = (report ?? {}) as Partial<Report>;
  if (typeof format === "number" && format !== REPORT_FORMAT) {
    throw new Error(`it tells its status in form ${format}, and this promtap reads form ${REPORT_FORMAT}`);
  }
  if (format !== REPORT_FORMAT || !isReport(report)) throw new Error("it answers with what is no status of a promtap");
  return report as Report;
}
