import assert from "node:assert/strict";
import { test } from "node:test";
import { type ExpositionFormat, parseExposition } from "./exposition-parser.ts";

const HEAD = "# HELP x Help.\n# TYPE x gauge\n";

function parse(text: string, format: ExpositionFormat = "text") {
  return parseExposition(new TextEncoder().encode(text), format);
}

test("reads families, labels with escapes, and numbers", () => {
  const text = `# HELP x A \\\\ and \\n.\n# TYPE x gauge\nx 1\nx{a="",b="q\\"\\\\\\n}, "} -2.5e-3\n\n# HELP y_total Y.\n# TYPE y_total counter\ny_total +Inf\n`;
  const families = parse(text);
  assert.deepEqual(families.get("x"), {
    name: "x",
    help: "A \\ and \n.",
    type: "gauge",
    samples: [
      { name: "x", labels: [], value: "1" },
      {
        name: "x",
        labels: [
          ["a", ""],
          ["b", 'q"\\\n}, '],
        ],
        value: "-2.5e-3",
      },
    ],
  });
  assert.equal(families.get("y_total")?.samples[0]?.value, "+Inf");
});

test("refuses pages that a lenient reader would take", () => {
  const bad: [why: string, text: string, format?: ExpositionFormat][] = [
    ["no end of the last line", `${HEAD}x 1`],
    ["no value", `${HEAD}x\n`],
    ["no number", `${HEAD}x one\n`],
    ["a tab", `${HEAD}x\t1\n`],
    ["a label without quotes", `${HEAD}x{a=b} 1\n`],
    ["an unknown escape", `${HEAD}x{a="\\t"} 1\n`],
    ["a comma at the end", `${HEAD}x{a="b",} 1\n`],
    ["labels without a comma between them", `${HEAD}x{a="b"c="d"} 1\n`],
    ["a label twice", `${HEAD}x{a="b",a="c"} 1\n`],
    ["a series twice", `${HEAD}x{a="b",c="d"} 1\nx{c="d",a="b"} 1\n`],
    ["a family twice", `${HEAD}${HEAD}`],
    ["no HELP", "# TYPE x gauge\nx 1\n"],
    ["no TYPE", "# HELP x Help.\nx 1\n"],
    ["a sample of another family", `${HEAD}y 1\n`],
    ["a sample before any family", "x 1\n"],
    ["an unknown type", "# HELP x Help.\n# TYPE x meter\n"],
    ["an empty line in OpenMetrics", `${HEAD}x 1\n\n# EOF\n`, "openmetrics"],
    ["no end mark in OpenMetrics", `${HEAD}x 1\n`, "openmetrics"],
    ["two end marks in OpenMetrics", `${HEAD}x 1\n# EOF\n# EOF\n`, "openmetrics"],
    ["a counter without _total in OpenMetrics", "# HELP x X.\n# TYPE x counter\nx 1\n# EOF\n", "openmetrics"],
    ["a bare bound in OpenMetrics", histogram('x_bucket{le="1"} 1', 'x_bucket{le="+Inf"} 1'), "openmetrics"],
    ["buckets that fall", histogram('x_bucket{le="1"} 2', 'x_bucket{le="+Inf"} 1')],
    ["bounds that fall", histogram('x_bucket{le="2"} 1', 'x_bucket{le="1"} 1', 'x_bucket{le="+Inf"} 1')],
    ["no +Inf", histogram('x_bucket{le="1"} 1')],
    ["a count that is not the last bucket", histogram('x_bucket{le="+Inf"} 2')],
  ];
  for (const [why, text, format] of bad) {
    const page = format === "openmetrics" && text.startsWith("# HELP h") ? `${text}# EOF\n` : text;
    assert.throws(() => parse(page, format), assert.AssertionError, why);
  }
});

function histogram(...buckets: string[]): string {
  return `# HELP h H.\n# TYPE h histogram\n${buckets.join("\n").replaceAll("x_", "h_")}\nh_sum 5\nh_count 1\n`;
}
