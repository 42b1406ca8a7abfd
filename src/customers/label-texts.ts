import type { Texts } from "../ledger/zones/names.ts";

const decoder = new TextDecoder();

/** A text of several. */
export function textAt({ bytes, ends }: Texts, index: number): string {
  return decoder.decode(bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]));
}
