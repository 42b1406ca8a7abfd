import fc from "fast-check";
import { textAt } from "../../src/customers/label-texts.ts";
import type { PrefixSet } from "../../src/customers/prefix-set.ts";
import { nameHash } from "../../src/ledger/zones/name-hash.ts";
import type { Texts } from "../../src/ledger/zones/names.ts";
import { labelText } from "../../src/page/labels.ts";
import { addresses } from "../ledger/arbitraries.ts";

/** A prefix as a list has it. */
export interface Listed {
  readonly version: 4 | 6;
  readonly first: bigint;
  readonly bits: number;
  readonly labels: Readonly<Record<string, string>>;
}

/** The set of a list. */
export function setOf(list: readonly Listed[]): PrefixSet {
  const labelNames = [...new Set(list.flatMap(({ labels }) => Object.keys(labels)))];
  const values = list.map(({ labels }) => labelNames.map((name) => labels[name] ?? ""));
  const keys = [...new Set(values.map((each) => JSON.stringify(each)))];
  const words = list.flatMap(({ first }) =>
    [96n, 64n, 32n, 0n].map((shift) => Number((first >> shift) & 0xffff_ffffn)),
  );
  return {
    labelNames,
    count: list.length,
    versions: Uint8Array.from(list, ({ version }) => version),
    words: Uint32Array.from(words),
    bits: Uint8Array.from(list, ({ bits }) => bits),
    sets: Uint32Array.from(values, (each) => keys.indexOf(JSON.stringify(each))),
    labels: textsOf(keys.map((key) => labelsOf(labelNames, JSON.parse(key) as string[]))),
  };
}

function labelsOf(names: readonly string[], values: readonly string[]): string {
  return names.flatMap((name, index) => (values[index] === "" ? [] : [labelText(name, values[index]!)])).join(",");
}

function textsOf(texts: readonly string[]): Texts {
  const bytes = texts.map((text) => Buffer.from(text));
  let end = 0;
  return {
    bytes: Buffer.concat(bytes),
    ends: Uint32Array.from(bytes, ({ length }) => (end += length)),
    hashes: Uint32Array.from(bytes, (text) => nameHash(text, 0, text.length)),
  };
}

/** The label sets of a set, as texts. */
export function labelsIn({ labels }: PrefixSet): string[] {
  return Array.from(labels.ends, (_, index) => textAt(labels, index));
}

/** The highest address of a prefix. */
export function lastOf({ version, first, bits }: Listed): bigint {
  return first + (1n << BigInt((version === 4 ? 32 : 128) - bits)) - 1n;
}

/** The first of the longest prefixes that hold an address, read from the start of the list. */
export function longest(list: readonly Listed[], version: 4 | 6, address: bigint): Listed | undefined {
  let found: Listed | undefined;
  for (const prefix of list) {
    const holds = prefix.version === version && prefix.first <= address && address <= lastOf(prefix);
    if (holds && (found === undefined || prefix.bits > found.bits)) found = prefix;
  }
  return found;
}

function prefixes(version: 4 | 6): fc.Arbitrary<Listed> {
  const width = version === 4 ? 32 : 128;
  return fc.tuple(addresses(version), fc.nat(width), fc.nat(5)).map(([address, bits, customer]) => {
    const hostBits = BigInt(width - bits);
    return { version, first: (address >> hostBits) << hostBits, bits, labels: { customer: `c${customer}` } };
  });
}

/** Prefixes of any lengths that hold each other, repeat and touch. */
export const lists = fc.array(fc.oneof(prefixes(4), prefixes(6)), { maxLength: 30 });
