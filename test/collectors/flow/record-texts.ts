import type { FlowRecord } from "../../../src/collectors/flow/records/flow-record.ts";

/** Has a record begin again, with these texts in the order of its keys. */
export function giveTexts(record: FlowRecord, texts: readonly Uint8Array[]): void {
  record.clear(Buffer.concat(texts));
  let at = 0;
  for (const [k, text] of texts.entries()) {
    record.starts[k] = at;
    at += text.length;
    record.ends[k] = at;
  }
}
