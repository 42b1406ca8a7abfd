import type { FrameReceiver } from "../capture/savefile/file-interfaces.ts";
import type { Savefile } from "../capture/savefile/savefile.ts";
import { messageOf } from "../errors.ts";
import type { Ledger } from "../ledger/ledger.ts";
import { log } from "../log.ts";
import { Format } from "../page/negotiation.ts";

/** How long a page that is printed, not scraped, may take. */
const ONCE_TIMEOUT_MS = 10_000;

/** Makes a page, chunk by chunk; what a chunk holds is good until the next is asked for. */
export type PageMaker = (format: Format, timeoutMs: number) => AsyncGenerator<Uint8Array>;

/** Prints the page, of a damaged file too, before the damage is reported. */
export async function countThenPrint(file: Savefile | undefined, ledger: Ledger, page: PageMaker): Promise<void> {
  await file?.recognize();
  const counting = file?.count(fileReceiver(ledger));
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

/** Counts a file, and logs how that ended. */
export async function countFile(file: Savefile, ledger: Ledger): Promise<void> {
  await file.recognize();
  try {
    await file.count(fileReceiver(ledger));
    log.info("read to the end", { file: file.name });
  } catch (error) {
    log.error("stopped reading", { file: file.name, error: messageOf(error) });
    throw error;
  }
}

function fileReceiver(ledger: Ledger): FrameReceiver {
  return { sinkFor: (name) => ledger.interface(name).sink, warn: (message) => log.warn(message) };
}
