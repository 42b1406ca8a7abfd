import { setImmediate as nextTurn } from "node:timers/promises";
import { type Metric, Registry } from "prom-client";
import { type Family, MetricType, type SampledFamily, type WrittenFamily } from "./family.ts";
import { CONTENT_TYPE, Format } from "./negotiation.ts";
import { PageWriter } from "./page-writer.ts";

const encoder = new TextEncoder();
const EOF = "# EOF\n";

/** A writer that no page is using, kept so that a scrape need not allocate one. */
let spare: PageWriter | undefined;

/**
 * Makes the page of these families, chunk by chunk. A chunk is lent: its memory is good until the next is asked for.
 * The event loop gets its turn after every chunk, however fast the reader is.
 */
export async function* makePage(families: readonly Family[], format: Format): AsyncGenerator<Uint8Array> {
  const sampled = families.filter((family): family is SampledFamily => "samples" in family);
  const written = families.filter((family): family is WrittenFamily => "write" in family);
  if (sampled.length > 0) yield encoder.encode(await sampledText(sampled, format));
  const writer = spare ?? new PageWriter();
  spare = undefined;
  try {
    for (const family of written) yield* writtenChunks(family, writer, format);
    if (format === Format.OPENMETRICS) yield encoder.encode(EOF);
  } finally {
    writer.clear();
    spare = writer;
  }
}

async function* writtenChunks(family: WrittenFamily, writer: PageWriter, format: Format): AsyncGenerator<Uint8Array> {
  const name = declaredName(family, format);
  const head = encoder.encode(`# HELP ${name} ${family.help}\n# TYPE ${name} ${family.type}\n`);
  writer.bytes(head);
  let isEmpty = true;
  for (const _ of family.write(writer, format)) {
    isEmpty &&= writer.position === head.length;
    if (writer.isFull) yield* emptied(writer);
    await nextTurn();
  }
  if (family.isOmittedIfEmpty === true && isEmpty && writer.position === head.length) writer.clear();
  yield* emptied(writer);
}

/** OpenMetrics takes the suffix of a counter for part of the sample's name, not of the family's. */
function declaredName({ name, type }: WrittenFamily, format: Format): string {
  return format === Format.OPENMETRICS && type === MetricType.COUNTER ? name.replace(/_total$/, "") : name;
}

function* emptied(writer: PageWriter): Generator<Uint8Array> {
  if (writer.position === 0) return;
  yield writer.filled();
  writer.clear();
}

/** The text of the small families, as prom-client writes it, without the end mark. */
async function sampledText(families: readonly SampledFamily[], format: Format): Promise<string> {
  const registry = new Registry(CONTENT_TYPE[format]);
  for (const family of families) registry.registerMetric(registered(family));
  // prom-client writes another word than the formats have. A value ends its line, and no other line can end so: labels
  // end in a quote, and what the help of a family says is ours.
  const text = (await registry.metrics()).replaceAll(" Nan\n", " NaN\n");
  return format === Format.OPENMETRICS ? text.slice(0, -EOF.length) : text;
}

/** A family in the shape that prom-client's registry asks its metrics for; the registry may rename it. */
function registered({ name, help, type, samples }: SampledFamily): Metric {
  const values = samples.map((sample) => ({
    value: sample.value,
    labels: sample.labels ?? {},
    ...(sample.name === undefined ? {} : { metricName: sample.name }),
  }));
  const metric = { name, help, type, values, get: () => metric };
  return metric as unknown as Metric;
}
