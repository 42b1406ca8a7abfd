import { IPV4_MAPPED, setIpv4 } from "../../packet/address.ts";

/*
 * How a datagram of sFlow v5 begins: 0 version u32 | 4 type of an address u32 | 8 the address of the agent, which stays
 * the same whatever address the datagram comes from.
 */
export const VERSION_SFLOW = 5;
const ADDRESS = 8;
const TYPE_IPV4 = 1;
const TYPE_IPV6 = 2;
const LOOPBACK_NETWORK = 127;

/**
 * Reads the address of the agent that made the datagram view[at, end), in four words, those of IPv4 mapped. Whether it
 * has one: not if it is another protocol, or an address that many may have, such as that of the loopback. Hot; does not
 * allocate.
 */
export function readAgent(view: DataView, at: number, end: number, words: Uint32Array): boolean {
  if (end - at < ADDRESS + 4 || view.getUint32(at) !== VERSION_SFLOW) return false;
  const type = view.getUint32(at + 4);
  if (type === TYPE_IPV4) {
    setIpv4(words, view.getUint32(at + ADDRESS));
  } else {
    if (type !== TYPE_IPV6 || end - at < ADDRESS + 4 * words.length) return false;
    for (let k = 0; k < words.length; k++) words[k] = view.getUint32(at + ADDRESS + 4 * k);
  }
  return isOfOne(words[0]! | words[1]!, words[2]!, words[3]!);
}

/** Whether an address can be that of one host alone. Hot. */
function isOfOne(upper: number, word2: number, word3: number): boolean {
  if (upper !== 0) return true;
  if (word2 === IPV4_MAPPED) return word3 !== 0 && word3 >>> 24 !== LOOPBACK_NETWORK;
  return word2 !== 0 || word3 > 1;
}
