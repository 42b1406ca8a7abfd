import { MetricType } from "./family.ts";

/** Name of a family → since when its counters count, in seconds since 1970. */
export type CreatedTimes = ReadonlyMap<string, number>;

/** The sample of a metric behind which its time stands: the last one that every metric of the type has. */
const LAST_SAMPLE: Partial<Record<string, string>> = {
  [MetricType.COUNTER]: "_total",
  [MetricType.HISTOGRAM]: "_count",
  [MetricType.SUMMARY]: "_count",
};
const TYPE_LINE = /^# TYPE (\S+) (\w+)$/;

/**
 * Adds the lines of OpenMetrics that say since when metrics count, behind each metric of a family with a time: as long as
 * the page nearly, so that they are asked for. Chunks end where lines do.
 */
export async function* withCreated(chunks: AsyncIterable<Uint8Array>, times: CreatedTimes): AsyncGenerator<Uint8Array> {
  const lines = new CreatedLines(times);
  for await (const chunk of chunks) yield Buffer.from(lines.add(Buffer.from(chunk).toString()));
}

/** Where in the page it is. */
class CreatedLines {
  readonly #times: CreatedTimes;
  #name = "";
  /** What the name of the last sample of a metric begins with; "" if the family has no time. */
  #last = "";
  #time = "";

  constructor(times: CreatedTimes) {
    this.#times = times;
  }

  add(text: string): string {
    return text
      .split("\n")
      .map((line) => this.#withTime(line))
      .join("\n");
  }

  #withTime(line: string): string {
    if (line.startsWith("# TYPE ")) this.#begin(line);
    if (this.#last === "" || !line.startsWith(this.#last)) return line;
    const behind = line.slice(this.#last.length);
    const labels = behind.slice(0, behind.lastIndexOf("}") + 1);
    // The name of another sample may begin likewise.
    if (labels === "" && !behind.startsWith(" ")) return line;
    return `${line}\n${this.#name}_created${labels} ${this.#time}`;
  }

  #begin(line: string): void {
    const [, name = "", type = ""] = TYPE_LINE.exec(line) ?? [];
    const sample = LAST_SAMPLE[type];
    const time = this.#times.get(type === MetricType.COUNTER ? `${name}_total` : name);
    this.#name = name;
    this.#last = sample === undefined || time === undefined ? "" : name + sample;
    this.#time = String(time);
  }
}
