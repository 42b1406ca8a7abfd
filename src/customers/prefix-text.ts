import { formatIpv4, formatIpv6 } from "../packet/address.ts";
import type { PrefixSet } from "./prefix-set.ts";

/** A prefix of a set, such as `192.0.2.0/24`. */
export function prefixText({ versions, words, bits }: PrefixSet, index: number): string {
  const [word0, word1, word2, word3] = words.subarray(4 * index, 4 * index + 4) as unknown as number[];
  const address = versions[index] === 4 ? formatIpv4(word3!) : formatIpv6(word0!, word1!, word2!, word3!);
  return `${address}/${bits[index]}`;
}
