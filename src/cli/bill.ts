import { makeBill } from "../bill/bill.ts";
import { billText } from "../bill/bill-text.ts";
import { billOptionsOf } from "../bill/options.ts";

/** What `promtap bill` does: prints the bill of a month, and what there is to say of it on standard error. Throws PromtapError. */
export async function printBill(words: readonly string[]): Promise<void> {
  const { format, ...request } = billOptionsOf(words);
  const { text, notes } = billText(await makeBill({ ...request, nowMs: Date.now() }), format);
  process.stderr.write(notes.map((note) => `${note}\n`).join(""));
  process.stdout.write(text);
}
