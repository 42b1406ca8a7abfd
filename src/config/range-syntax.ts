import { ErrorCode, PromtapError } from "../errors.ts";
import { type Range, rangeSeries } from "../ledger/ranges.ts";
import { type Address, formatIpv4, formatIpv6, parseAddress, unmapped } from "../packet/address.ts";
import { labelNameFault } from "./label-names.ts";

/*
 * RANGE    = ADDRESSES *( ":" KEY "=" VALUE )
 * ADDRESSES= ADDRESS / ADDRESS "-" ADDRESS / ADDRESS "/" PREFIX [ "/" ROLLUP ]
 *
 * Labels begin at the last ":" before the first "=", because IPv6 addresses hold colons themselves. Values hold no ":",
 * as in promacct, whose users wrote these ranges.
 */
const FORMS = "START-END, ADDRESS, NETWORK/PREFIX or NETWORK/PREFIX/ROLLUP, then :KEY=VALUE for each label";
const DECIMAL = /^(?:0|[1-9][0-9]{0,2})$/;

/**
 * Most IPv4 series that all ranges together may list. The kernel engines keep 8 bytes for each of them, on every
 * interface; the ledger and the ring engine keep nothing for what is only listed.
 */
export const MAX_IPV4_SERIES = 2 ** 24;

/** Reads the value of one `-r`; throws a usage error, in one line, when it is not legal. */
export function parseRange(text: string): Range {
  const equals = text.indexOf("=");
  const colon = equals < 0 ? -1 : text.lastIndexOf(":", equals);
  const addresses = colon < 0 ? text : text.slice(0, colon);
  const labels = colon < 0 ? [] : parseLabels(text, text.slice(colon + 1));
  const bounds = addresses.includes("/") ? parseNetwork(text, addresses) : parseBounds(text, addresses);
  const range = { ...bounds, labels, text };
  if (range.version === 4 && rangeSeries(range) > MAX_IPV4_SERIES) {
    const network = addresses.includes("/") ? networkText(range) : "10.0.0.0/8";
    throw illegal(
      text,
      `the range is too large: ${rangeSeries(range)} series`,
      `at most ${MAX_IPV4_SERIES}; a rollup length gives a series to each network, as in ${network}/24`,
    );
  }
  return range;
}

type Bounds = Omit<Range, "labels" | "text">;

function parseBounds(text: string, addresses: string): Bounds {
  const dash = addresses.indexOf("-");
  const first = unmapped(address(text, dash < 0 ? addresses : addresses.slice(0, dash)));
  const last = dash < 0 ? first : unmapped(address(text, addresses.slice(dash + 1)));
  if (first.version !== last.version) {
    throw illegal(text, "the range mixes IPv4 and IPv6", "START-END of one family");
  }
  if (first.value > last.value) throw illegal(text, "the range is reversed", "START-END with START <= END");
  return { version: first.version, first: first.value, last: last.value, rollupBits: first.version === 4 ? 32 : 128 };
}

function parseNetwork(text: string, addresses: string): Bounds {
  const [network = "", prefixText = "", rollupText, ...more] = addresses.split("/");
  if (more.length > 0) throw illegal(text, `${quote(addresses)} has too many parts`, FORMS);
  const { version, value } = address(text, network);
  const width = version === 4 ? 32 : 128;
  const prefix = bits(text, "prefix", prefixText, 0, width);
  const rollupBits = rollupText === undefined ? width : bits(text, "rollup", rollupText, prefix, width);
  const hostBits = BigInt(width - prefix);
  const first = (value >> hostBits) << hostBits;
  if (first !== value) {
    const right = [format({ version, value: first }), ...addresses.split("/").slice(1)].join("/");
    throw illegal(text, `${network} has bits set beyond /${prefix}`, right);
  }
  const plain = unmapped({ version, value }, prefix);
  const last = plain.value + (1n << hostBits) - 1n;
  return { version: plain.version, first: plain.value, last, rollupBits: rollupBits - (prefix - plain.bits) };
}

/** A network of IPv4, as it is written. */
function networkText({ first, last }: Bounds): string {
  return `${formatIpv4(Number(first))}/${32 - Math.log2(Number(last - first) + 1)}`;
}

function parseLabels(text: string, labels: string): (readonly [name: string, value: string])[] {
  const seen = new Set<string>();
  return labels.split(":").map((label) => {
    const equals = label.indexOf("=");
    if (equals < 0) throw illegal(text, `${quote(label)} is not a label`, ":KEY=VALUE, where VALUE holds no colon");
    const name = label.slice(0, equals);
    judgeLabelName(text, name);
    if (seen.has(name)) throw illegal(text, `the label ${quote(name)} is given twice`, "each label once");
    seen.add(name);
    return [name, label.slice(equals + 1)];
  });
}

function judgeLabelName(text: string, name: string): void {
  const fault = labelNameFault(name);
  if (fault !== undefined) throw illegal(text, fault.why, fault.legal);
}

function address(text: string, part: string): Address {
  const parsed = parseAddress(part);
  if (parsed === null) throw illegal(text, `${quote(part)} is not an address`, FORMS);
  return parsed;
}

function bits(text: string, what: string, part: string, lowest: number, highest: number): number {
  const value = DECIMAL.test(part) ? Number(part) : Number.NaN;
  if (value >= lowest && value <= highest) return value;
  throw illegal(text, `the ${what} length ${quote(part)} is invalid`, `${lowest} to ${highest}`);
}

function format({ version, value }: Address): string {
  if (version === 4) return formatIpv4(Number(value));
  const word = (shift: bigint) => Number((value >> shift) & 0xffff_ffffn);
  return formatIpv6(word(96n), word(64n), word(32n), word(0n));
}

/** JSON, so that the message stays one line whatever was given. */
function quote(text: string): string {
  return JSON.stringify(text);
}

function illegal(text: string, why: string, legal: string): PromtapError {
  return new PromtapError(ErrorCode.USAGE, `invalid -r ${quote(text)}: ${why}; legal is ${legal}`);
}
