/**
 * The samples of a page in the text format, by their series as it is written, such as `up{job="a"}`. Strict: what is
 * neither a sample nor a comment, and a series that stands there twice, is an error.
 */
export class Page {
  readonly samples: ReadonlyMap<string, number>;

  constructor(text: string) {
    const samples = new Map<string, number>();
    for (const line of text.split("\n")) {
      if (line === "" || line.startsWith("#")) continue;
      const [, series, value] = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (\S+)$/.exec(line) ?? [];
      if (series === undefined) throw new Error(`not a sample: ${line}`);
      if (samples.has(series)) throw new Error(`twice on the page: ${series}`);
      samples.set(series, Number(value));
    }
    this.samples = samples;
  }

  /** Undefined if the series is not on the page. */
  value(series: string): number | undefined {
    return this.samples.get(series);
  }

  /** The sum of all series of a name that carry all of the labels, each given as it is written: `ip="10.0.0.1"`. */
  sum(name: string, ...labels: readonly string[]): number {
    let total = 0;
    for (const [series, value] of this.samples) {
      if (series.split("{")[0] === name && labels.every((label) => series.includes(label))) total += value;
    }
    return total;
  }

  /** The traffic of an interface: what two engines that saw the same frames agree on. */
  traffic(interfaceName: string): Map<string, number> {
    const label = `{interface="${interfaceName}"`;
    return new Map([...this.samples].filter(([series]) => series.startsWith("promacct_") && series.includes(label)));
  }
}
