import type { FrameSink, FrameReader } from "../capture/engine.ts";
import type { Savefile } from "../capture/savefile/savefile.ts";
import { messageOf } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { log } from "../log.ts";
import { Format } from "../page/negotiation.ts";

/** Time for a page that is printed, not scraped. */
const ONCE_TIMEOUT_MS = 10_000;

/** Makes a page, chunk by chunk; what a chunk holds is good until the next is asked for. */
export type PageMaker = (format: Format, timeoutMs: number) => AsyncGenerator<Uint8Array>;

/** What the frames of a file are counted by. */
export interface FileCounters {
  readonly ledger: Ledger;
  readonly readers: readonly FrameReader[];
}

/** Prints the page, even of a damaged file, before the damage is reported. */
export async function countThenPrint(
  file: Savefile | undefined,
  counters: FileCounters,
  page: PageMaker,
): Promise<void> {
  await file?.recognize();
  const counting = file === undefined ? undefined : countAll(file, counters);
  await Promise.allSettled([counting]);
  for await (const chunk of page(Format.TEXT, ONCE_TIMEOUT_MS)) await print(chunk);
  await counting;
}

/** Resolves when stdout has taken the bytes, so that their memory may be reused. */
function print(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Counts a file and logs how that ended. */
export async function countFile(file: Savefile, counters: FileCounters): Promise<void> {
  await file.recognize();
  try {
    await countAll(file, counters);
    log.info("read to the end", { file: file.name });
  } catch (error) {
    log.error("stopped reading", { file: file.name, error: messageOf(error) });
    throw error;
  }
}

async function countAll(file: Savefile, { ledger, readers }: FileCounters): Promise<void> {
  const sinkFor = (name: string): FrameSink => ledger.interface(name).sink;
  try {
    await file.count({ sinkFor, readers, opensTunnels: ledger.opensTunnels, warn: (message) => log.warn(message) });
  } finally {
    for (const reader of readers) reader.end();
  }
}
