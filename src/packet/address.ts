/** An address as one number, 32 or 128 bits wide. */
export interface Address {
  version: 4 | 6;
  value: bigint;
}

const IPV6_GROUPS = 8;
/** Leading zeros are refused: some programs read them as octal (RFC 6943, section 3.1.1). */
const DECIMAL_OCTET = /^(?:0|[1-9][0-9]{0,2})$/;
const HEX_GROUP = /^[0-9a-fA-F]{1,4}$/;

/**
 * Reads an IPv4 address in four decimal octets, or an IPv6 address in any form of RFC 4291, section 2.2. Anything else,
 * a zone (`%eth0`) included, gives null.
 */
export function parseAddress(text: string): Address | null {
  const version = text.includes(":") ? 6 : 4;
  const value = version === 6 ? parseIpv6Text(text) : parseIpv4Text(text);
  return value === null ? null : { version, value };
}

/** Of an IPv4 address that is mapped into IPv6, before it. */
export const MAPPED_BITS = 96;

/**
 * A prefix of IPv4 that is mapped into IPv6 (RFC 4291, section 2.5.5.2) as the one that it stands for: no packet has such
 * addresses. All others as they are.
 */
export function unmapped({ version, value }: Address, bits = version === 4 ? 32 : 128): Address & { bits: number } {
  const isMapped = version === 6 && bits >= MAPPED_BITS && value >> 32n === BigInt(IPV4_MAPPED);
  return isMapped ? { version: 4, value: value & 0xffff_ffffn, bits: bits - MAPPED_BITS } : { version, value, bits };
}

/** Writes an IPv4 address, given as an unsigned 32-bit number. */
export function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 0xff}.${(value >>> 8) & 0xff}.${value & 0xff}`;
}

/** The third word of an IPv4 address that is mapped into IPv6, ::ffff:0:0/96; those before it are 0. */
export const IPV4_MAPPED = 0xffff;

/** Whether an address in four words is one of IPv4, mapped. Hot. */
export function isIpv4(address: Uint32Array): boolean {
  return address[2] === IPV4_MAPPED && address[0] === 0 && address[1] === 0;
}

/** Fills an address of four words in with one of IPv4, mapped; it is given as 32 bits. Hot. */
export function setIpv4(address: Uint32Array, value: number): void {
  address[0] = 0;
  address[1] = 0;
  address[2] = IPV4_MAPPED;
  address[3] = value;
}

/**
 * Writes an IPv6 address, given as four 32-bit words, in its canonical form: RFC 5952, with IPv4-mapped addresses
 * (`::ffff:0:0/96`) in mixed notation, as its section 5 recommends.
 */
export function formatIpv6(word0: number, word1: number, word2: number, word3: number): string {
  if (word0 === 0 && word1 === 0 && word2 === IPV4_MAPPED) return `::ffff:${formatIpv4(word3)}`;
  const groups = [word0, word1, word2, word3].flatMap((word) => [word >>> 16, word & 0xffff]);
  const [start, length] = longestZeroRun(groups);
  if (length < 2) return writeGroups(groups);
  return `${writeGroups(groups.slice(0, start))}::${writeGroups(groups.slice(start + length))}`;
}

function parseIpv4Text(text: string): bigint | null {
  const octets = text.split(".");
  if (octets.length !== 4) return null;
  let value = 0n;
  for (const octet of octets) {
    if (!DECIMAL_OCTET.test(octet) || Number(octet) > 255) return null;
    value = (value << 8n) | BigInt(octet);
  }
  return value;
}

function parseIpv6Text(text: string): bigint | null {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return null;
  const before = parseGroups(head, tail === undefined);
  if (before === null) return null;
  if (tail === undefined) return before.length === IPV6_GROUPS ? joinGroups(before) : null;
  const after = parseGroups(tail, true);
  if (after === null) return null;
  const missing = IPV6_GROUPS - before.length - after.length;
  // "::" stands for at least one group.
  if (missing < 1) return null;
  return joinGroups([...before, ...Array<number>(missing).fill(0), ...after]);
}

/** The groups between the ends of an address and its "::"; the last two may be an IPv4 address if they end it. */
function parseGroups(text: string, endsAddress: boolean): number[] | null {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (HEX_GROUP.test(part)) {
      groups.push(Number.parseInt(part, 16));
      continue;
    }
    const embedded = endsAddress && index === parts.length - 1 ? parseIpv4Text(part) : null;
    if (embedded === null) return null;
    groups.push(Number(embedded >> 16n), Number(embedded & 0xffffn));
  }
  return groups;
}

function joinGroups(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

function writeGroups(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}

/** The first of the longest runs of zero groups. */
function longestZeroRun(groups: readonly number[]): [start: number, length: number] {
  let [longestStart, longestLength, length] = [0, 0, 0];
  for (const [index, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length <= longestLength) continue;
    longestLength = length;
    longestStart = index - length + 1;
  }
  return [longestStart, longestLength];
}
