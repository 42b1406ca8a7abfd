import { isIpv4 } from "../../packet/address.ts";

/**
 * Names for addresses that by their kind are of no country (IANA's special-purpose registries, RFC 6890), as far as TCP
 * gets there; undefined for all others. `address`: four words, IPv4 mapped. Hot; does not allocate.
 */
export function specialName(address: Uint32Array): string | undefined {
  return isIpv4(address) ? specialIpv4Name(address[3]!) : specialIpv6Name(address);
}

function specialIpv4Name(address: number): string | undefined {
  switch (address >>> 24) {
    case 10:
      return "private";
    case 100:
      // 100.64.0.0/10, RFC 6598
      return ((address >>> 16) & 0xc0) === 64 ? "cgnat" : undefined;
    case 127:
      return "loopback";
    case 169:
      return address >>> 16 === 0xa9fe ? "link_local" : undefined;
    case 172:
      return ((address >>> 16) & 0xf0) === 16 ? "private" : undefined;
    case 192:
      return address >>> 16 === 0xc0a8 ? "private" : undefined;
    default:
      return undefined;
  }
}

function specialIpv6Name(address: Uint32Array): string | undefined {
  const first = address[0]!;
  if (first === 0 && address[1] === 0 && address[2] === 0 && address[3] === 1) return "loopback";
  if (first >>> 22 === 0xfe80 >>> 6) return "link_local";
  // fc00::/7, and fec0::/10, which came before it (RFC 3879)
  if (first >>> 25 === 0xfc00 >>> 9 || first >>> 22 === 0xfec0 >>> 6) return "private";
  return undefined;
}
