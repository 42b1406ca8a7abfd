import { type Address, formatIpv4, formatIpv6, parseAddress, unmapped } from "../../packet/address.ts";
import { illegal, usageError } from "../flag.ts";

/** What is in a zone: a prefix, an AS, a country, or what is in no other zone. */
export type ZoneContent =
  | { readonly kind: "prefix"; readonly version: 4 | 6; readonly first: bigint; readonly bits: number }
  | { readonly kind: "asn"; readonly number: number }
  | { readonly kind: "country"; readonly code: string }
  | { readonly kind: "rest" };

/** A part of a zone. */
export interface ZoneItem {
  readonly zone: string;
  readonly content: ZoneContent;
  /** Its content as it was given, in one spelling. */
  readonly text: string;
  /** The text of the flag that it stands in. */
  readonly given: string;
}

const LEGAL = "NAME=ITEM,..., each a prefix, an AS such as AS64500, a country such as DE, or * for all other addresses";
const REST = "*";
/** What the page has for what found no place. */
const RESERVED = "other";
const MAX_AS_NUMBER = 2 ** 32 - 1;

/** Reads NAME=ITEM,ITEM... Throws a usage error. */
export function parseZone(given: string, spelling: string): ZoneItem[] {
  const equals = given.indexOf("=");
  const zone = given.slice(0, equals);
  if (equals < 1 || zone.trim() === "") throw illegal(spelling, given, LEGAL);
  if (zone === RESERVED) {
    throw illegal(spelling, given, `any name but ${RESERVED}, which stands for what found no place`);
  }
  return given
    .slice(equals + 1)
    .split(",")
    .map((part) => {
      const content = contentOf(part.trim());
      if (content === undefined) throw illegal(spelling, given, LEGAL);
      return { zone, content, text: textOf(content), given };
    });
}

/** Throws a usage error if zones share an item: none goes before the other. */
export function judgeZones(items: readonly ZoneItem[], spelling: string): void {
  const seen = new Map<string, ZoneItem>();
  for (const item of items) {
    const before = seen.get(item.text);
    if (before !== undefined) {
      const where = before.zone === item.zone ? "is there twice" : `is in zone ${JSON.stringify(before.zone)} too`;
      throw usageError(`invalid ${spelling} ${JSON.stringify(item.given)}: ${item.text} ${where}; give it once`);
    }
    seen.set(item.text, item);
  }
}

function contentOf(text: string): ZoneContent | undefined {
  if (text === REST) return { kind: "rest" };
  if (/^[A-Z]{2}$/.test(text)) return { kind: "country", code: text };
  const number = /^AS([0-9]{1,10})$/i.exec(text)?.[1];
  if (number === undefined) return prefixOf(text);
  return Number(number) <= MAX_AS_NUMBER ? { kind: "asn", number: Number(number) } : undefined;
}

/** Bits behind the prefix must not be set. */
function prefixOf(text: string): ZoneContent | undefined {
  const [address = "", length, ...more] = text.split("/");
  const parsed = parseAddress(address);
  if (parsed === null || more.length > 0) return undefined;
  const width = widthOf(parsed);
  const bits = length === undefined ? width : /^[0-9]{1,3}$/.test(length) ? Number(length) : width + 1;
  if (bits > width || (parsed.value & ((1n << BigInt(width - bits)) - 1n)) !== 0n) return undefined;
  const plain = unmapped(parsed, bits);
  return { kind: "prefix", version: plain.version, first: plain.value, bits: plain.bits };
}

function widthOf({ version }: Address): number {
  return version === 4 ? 32 : 128;
}

function textOf(content: ZoneContent): string {
  if (content.kind === "rest") return REST;
  if (content.kind === "country") return content.code;
  return content.kind === "asn" ? `AS${content.number}` : `${formatAddress(content)}/${content.bits}`;
}

function formatAddress({ version, first }: { version: 4 | 6; first: bigint }): string {
  const word = (shift: bigint): number => Number((first >> shift) & 0xffff_ffffn);
  return version === 4 ? formatIpv4(word(0n)) : formatIpv6(word(96n), word(64n), word(32n), word(0n));
}
