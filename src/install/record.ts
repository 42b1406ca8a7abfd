import { createHash } from "node:crypto";

/** SHA-256 in hexadecimal digits. */
export function sumOf(content: Uint8Array | string): string {
  return createHash("sha256").update(content).digest("hex");
}

/** Paths → sums, as sha256sum(1) writes and checks them. */
export function sumsText(sums: ReadonlyMap<string, string>): string {
  return [...sums].map(([path, sum]) => `${sum}  ${path}\n`).join("");
}

/** What such a file says; lines of another kind are passed over. */
export function readSums(text: string): Map<string, string> {
  const lines = text.matchAll(/^([0-9a-fA-F]{64})[ \t]+\*?(.+?)\r?$/gm);
  return new Map([...lines].map(([, sum = "", path = ""]) => [path, sum.toLowerCase()]));
}
