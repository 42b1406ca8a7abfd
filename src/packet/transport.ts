import { u16 } from "./bytes.ts";

/* IPv6 extension headers: RFC 8200 section 4, registry "IPv6 Extension Header Types". */
const IPPROTO_HOPOPTS = 0;
const IPPROTO_ROUTING = 43;
const IPPROTO_FRAGMENT = 44;
const IPPROTO_AH = 51;
const IPPROTO_DSTOPTS = 60;
const IPPROTO_MH = 135;
const IPPROTO_HIP = 139;
const IPPROTO_SHIM6 = 140;

export const EXTENSION_HEADERS = [
  IPPROTO_HOPOPTS,
  IPPROTO_ROUTING,
  IPPROTO_FRAGMENT,
  IPPROTO_AH,
  IPPROTO_DSTOPTS,
  IPPROTO_MH,
  IPPROTO_HIP,
  IPPROTO_SHIM6,
] as const;

/** Next header → 1 where it is an extension header. */
const IS_EXTENSION = new Uint8Array(256);
for (const header of EXTENSION_HEADERS) IS_EXTENSION[header] = 1;

/** No stack sends more; a longer chain is an attack, and its packets keep the protocol of the last header read. */
export const MAX_EXTENSION_HEADERS = 8;

/** How far behind the IPv6 header the chain is followed, in bytes: what the ring engine captures. */
export const MAX_EXTENSION_BYTES = 128;

/** Bytes of an extension header that are read: next header, length, and a fragment's offset. */
const READ_BYTES = 4;

/**
 * Follows the extension headers that start at `at` and returns the number of the first header that is none of them.
 * Where the chain is cut short by the capture, or too long, or goes on in another fragment, it is the last number that
 * could be read: the addresses are good all the same. Hot; does not allocate.
 */
export function payloadProtocol(nextHeader: number, bytes: Uint8Array, at: number, end: number): number {
  // Most packets carry none of them.
  if (!isExtension(nextHeader)) return nextHeader;
  const limit = Math.min(end, at + MAX_EXTENSION_BYTES);
  let protocol = nextHeader;
  for (let count = 0; count < MAX_EXTENSION_HEADERS && isExtension(protocol); count++) {
    if (limit - at < READ_BYTES) break;
    const header = protocol;
    protocol = bytes[at]!;
    if (header === IPPROTO_FRAGMENT) {
      const fragmentOffset = u16(bytes, at + 2) >> 3;
      if (fragmentOffset !== 0) break;
      at += 8;
    } else if (header === IPPROTO_AH) {
      at += (bytes[at + 1]! + 2) * 4;
    } else {
      at += (bytes[at + 1]! + 1) * 8;
    }
  }
  return protocol;
}

function isExtension(protocol: number): boolean {
  return IS_EXTENSION[protocol] === 1;
}
