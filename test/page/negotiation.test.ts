import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONTENT_TYPE, Format, chooseFormat } from "../../src/page/negotiation.ts";

/** What clients really send, and what they must get. */
const HEADERS: [who: string, accept: string | undefined, format: Format][] = [
  [
    "Prometheus 3",
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6," +
      "application/openmetrics-text;version=0.0.1;q=0.5," +
      "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    Format.OPENMETRICS,
  ],
  [
    "Prometheus 3 that wants native histograms",
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.7," +
      "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
    Format.OPENMETRICS,
  ],
  [
    "Prometheus 2.26",
    "application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
    Format.OPENMETRICS,
  ],
  ["Prometheus with PrometheusText0.0.4 only", "text/plain;version=0.0.4;q=0.2,*/*;q=0.1", Format.TEXT],
  ["VictoriaMetrics", "text/plain;version=0.0.4;q=1,*/*;q=0.1", Format.TEXT],
  ["curl", "*/*", Format.TEXT],
  ["Firefox", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Format.TEXT],
  ["nobody in particular", undefined, Format.TEXT],
];
for (const [who, accept, format] of HEADERS) {
  test(`${who} gets ${format}`, () => assert.equal(chooseFormat(accept), format));
}

const CASES: [rule: string, accept: string, format: Format][] = [
  ["a higher quality wins", "text/plain;q=0.4, application/openmetrics-text;q=0.5", Format.OPENMETRICS],
  ["a higher quality wins whatever the order", "application/openmetrics-text;q=0.5, text/plain;q=0.51", Format.TEXT],
  ["at equal quality the first wins", "application/openmetrics-text, text/plain", Format.OPENMETRICS],
  ["at equal quality the first wins, text too", "text/plain, application/openmetrics-text", Format.TEXT],
  ["a name wins over a wildcard", "*/*, application/openmetrics-text", Format.OPENMETRICS],
  ["a refused format is not given by a wildcard", "text/plain;q=0, */*", Format.OPENMETRICS],
  ["a refused OpenMetrics is not given", "application/openmetrics-text;q=0, */*;q=0.1", Format.TEXT],
  ["all refused still gives text", "*/*;q=0", Format.TEXT],
  ["text alone refused still gives text", "text/plain;q=0", Format.TEXT],
  ["a wildcard of one kind", "application/*", Format.OPENMETRICS],
  ["a wildcard of the other kind", "text/*, application/openmetrics-text;q=0.9", Format.TEXT],
  ["an unknown version falls to the next", "application/openmetrics-text;version=2.0.0, text/plain;q=0.1", Format.TEXT],
  ["an unknown version of text falls to the next", "text/plain;version=1.0.0, application/*;q=0.1", Format.OPENMETRICS],
  ["a quoted version is read", 'application/openmetrics-text; version="1.0.0"', Format.OPENMETRICS],
  ["case and white space do not matter", "APPLICATION/OPENMETRICS-TEXT ; VERSION=1.0.0 ; Q=1.000", Format.OPENMETRICS],
  [
    "the best of several versions counts",
    "application/openmetrics-text;version=0.0.1;q=0.2, " +
      "application/openmetrics-text;version=1.0.0;q=0.9, text/plain;q=0.5",
    Format.OPENMETRICS,
  ],
  ["a quality that is no number refuses", "application/openmetrics-text;q=high, text/plain;q=0.1", Format.TEXT],
  ["a quality above one refuses", "application/openmetrics-text;q=2, text/plain;q=0.1", Format.TEXT],
  ["a negative quality refuses", "application/openmetrics-text;q=-1", Format.TEXT],
  ["nothing", "", Format.TEXT],
  ["separators alone", ",;,=;q=;;,", Format.TEXT],
  ["protobuf alone", "application/vnd.google.protobuf", Format.TEXT],
];
for (const [rule, accept, format] of CASES) {
  test(`${rule}: ${accept || "(empty)"}`, () => assert.equal(chooseFormat(accept), format));
}

test("random headers get an answer, in time that grows with their length only", () => {
  const part = fc.constantFrom("text/plain", "*/*", ";", ",", "q=", "0.5", "version=", '"', "=", " ", "__proto__");
  const header = fc.oneof(
    fc.string(),
    fc.array(part, { maxLength: 200 }).map((parts) => parts.join("")),
  );
  fc.assert(fc.property(header, (accept) => Object.values(Format).includes(chooseFormat(accept))));
});

test("the content types are those that Prometheus knows, to the letter", () => {
  assert.equal(CONTENT_TYPE[Format.TEXT], "text/plain; version=0.0.4; charset=utf-8");
  assert.equal(CONTENT_TYPE[Format.OPENMETRICS], "application/openmetrics-text; version=1.0.0; charset=utf-8");
});
