import { parseAddress } from "../../src/packet/address.ts";

/** An address as four words of 32 bits, one of IPv4 mapped into IPv6. */
export function words(text: string): Uint32Array {
  const { version, value } = parseAddress(text)!;
  const mapped = version === 4 ? (0xffffn << 32n) | value : value;
  return Uint32Array.from([96n, 64n, 32n, 0n], (shift) => Number((mapped >> shift) & 0xffff_ffffn));
}
