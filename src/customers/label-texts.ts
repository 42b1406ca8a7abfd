import type { Texts } from "../ledger/zones/names.ts";

const LABEL = /([a-zA-Z0-9_]+)="((?:[^"\\]|\\.)*)"/g;
const decoder = new TextDecoder();

/** A text of several. */
export function textAt({ bytes, ends }: Texts, index: number): string {
  return decoder.decode(bytes.subarray(index === 0 ? 0 : ends[index - 1], ends[index]));
}

/** The labels in a text such as `customer="a",environment="b"`. */
export function parseLabels(text: string): [name: string, value: string][] {
  return [...text.matchAll(LABEL)].map(([, name, value]) => [name!, value!.replace(/\\(.)/g, unescaped)]);
}

function unescaped(_: string, character: string): string {
  return character === "n" ? "\n" : character;
}
