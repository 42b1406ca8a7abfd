import type { InlinePrefix, PrefixList, Series } from "../../config/prefix-lists.ts";
import { messageOf } from "../../errors.ts";
import { readPieces } from "../../files/bounded-file.ts";
import type { SeriesSet } from "../prefix-set.ts";
import { readCsv } from "./csv.ts";
import { sniffFormat } from "./format.ts";
import { readJson, readJsonLines } from "./json.ts";
import type { Pieces } from "./lines.ts";
import { readNetworks } from "./networks.ts";
import { ListFault, MAX_PREFIXES, PrefixSink, type Refusal } from "./prefix-sink.ts";

/** What is to be read. */
export interface Wanted {
  readonly lists: readonly PrefixList[];
  readonly inline: readonly InlinePrefix[];
  /** Of the inline ones, for messages. */
  readonly inlinePath: string;
  /** Skip and count what is wrong, instead of throwing. */
  readonly isLenient: boolean;
}

/** A file that was read, and its mark then. */
export interface FileRead {
  readonly path: string;
  readonly mark: string;
}

/** Prefixes that are counted in one way, and where each stands: FILE:LINE. */
export interface ReadSet extends SeriesSet {
  placeOf(index: number): string;
}

/** All lists, read. */
export interface ReadLists {
  /** One for each kind of series that has prefixes. */
  readonly sets: readonly ReadSet[];
  readonly files: readonly FileRead[];
  /** Lines that were skipped; the first of them, as FILE:LINE: why. */
  readonly skipped: number;
  readonly firstSkipped: string | undefined;
}

const MAX_BYTES = 2 ** 29;

const READERS = { csv: readCsv, json: readJson, jsonl: readJsonLines, networks: readNetworks };

/** Reads all lists; throws an Error with FILE:LINE: why at what is wrong. */
export async function readLists({ lists, inline, inlinePath, isLenient }: Wanted): Promise<ReadLists> {
  const reading = new Reading(isLenient);
  reading.readInline(inlinePath, inline);
  for (const list of lists) await reading.readFile(list);
  return reading.end();
}

class Reading {
  readonly #isLenient: boolean;
  readonly #sinks = new Map<Series, { sink: PrefixSink; /** The first prefix of each file. */ files: FileStart[] }>();
  readonly #files: FileRead[] = [];
  #skipped = 0;
  #firstSkipped: string | undefined;

  constructor(isLenient: boolean) {
    this.#isLenient = isLenient;
  }

  readInline(path: string, prefixes: readonly InlinePrefix[]): void {
    for (const { prefix, labels, series, line, column } of prefixes) {
      const place = `${path}:${line}:${column}`;
      const sink = this.#sinkOf(series, path);
      const values: string[] = [];
      for (const [name, value] of Object.entries(labels)) {
        const index = sink.label(name);
        if (typeof index === "string") throw new Error(`${place}: ${index}`);
        while (values.length <= index) values.push("");
        values[index] = value;
      }
      const fault = sink.add(prefix, values, line);
      if (fault !== undefined) throw new Error(`${place}: ${fault}`);
    }
  }

  async readFile({ path, series, format }: PrefixList): Promise<void> {
    const sink = this.#sinkOf(series, path);
    const refuse: Refusal = (line, why) => {
      if (!this.#isLenient) throw new ListFault(line, why);
      this.#skipped++;
      this.#firstSkipped ??= `${path}:${line}: ${why}`;
    };
    const pieces = readPieces(path, MAX_BYTES);
    try {
      const first = await pieces.next();
      if (first.done === true) throw new Error("it is empty; begin with a header such as prefix,customer");
      const read = READERS[format ?? sniffFormat(new TextDecoder().decode(first.value))];
      await read(this.#bounded(path, first.value, pieces), sink, refuse);
    } catch (error) {
      const place = error instanceof ListFault ? `${path}:${error.line}` : path;
      throw new Error(`${place}: ${messageOf(error)}`, { cause: error });
    }
  }

  end(): ReadLists {
    const sets = [...this.#sinks]
      .filter(([, { sink }]) => sink.count > 0)
      .map(([series, { sink, files }]) => ({
        series,
        set: sink.set(),
        placeOf: (index: number) => `${files.findLast(({ start }) => start <= index)!.path}:${sink.line(index)}`,
      }));
    return { sets, files: this.#files, skipped: this.#skipped, firstSkipped: this.#firstSkipped };
  }

  #sinkOf(series: Series, path: string): PrefixSink {
    const known = this.#sinks.get(series) ?? { sink: new PrefixSink(), files: [] };
    this.#sinks.set(series, known);
    if (known.files.at(-1)?.path !== path) known.files.push({ path, start: known.sink.count });
    return known.sink;
  }

  /** The pieces, as long as there are not too many prefixes in all. */
  async *#bounded(path: string, first: Uint8Array, rest: AsyncGenerator<Uint8Array, string>): Pieces {
    yield first;
    for (let next = await rest.next(); ; next = await rest.next()) {
      const count = [...this.#sinks.values()].reduce((sum, { sink }) => sum + sink.count, 0);
      if (count > MAX_PREFIXES) throw new Error(`there are more than ${MAX_PREFIXES} prefixes; give fewer`);
      if (next.done !== true) {
        yield next.value;
        continue;
      }
      this.#files.push({ path, mark: next.value });
      return;
    }
  }
}

interface FileStart {
  readonly path: string;
  readonly start: number;
}
