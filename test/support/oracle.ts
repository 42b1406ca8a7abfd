import type { Frame } from "./frames.ts";

const BOUNDS = [64, 128, 256, 512, 1024, 2048, Number.POSITIVE_INFINITY];
const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [58, "icmpv6"],
]);

/**
 * What the page has to say of an interface that has seen these frames: a plain reading of promacct's rules, sample by
 * sample. `labelsOf` gives the labels of the range an address lies in, as written (`site="lab",`), or undefined.
 */
export function expectedTraffic(
  interfaceName: string,
  frames: readonly Frame[],
  labelsOf: (address: string) => string | undefined,
): Map<string, number> {
  const samples = new Map<string, number>();
  for (const { lengthBytes, ip } of frames) {
    count(samples, "all", `interface="${interfaceName}"`, lengthBytes);
    if (ip === undefined) continue;
    for (const [direction, address] of [["tx", ip.source] as const, ["rx", ip.destination] as const]) {
      const labels = labelsOf(address);
      if (labels === undefined) continue;
      const protocol = PROTOCOL_NAMES.get(ip.protocol);
      const end = protocol === undefined ? "" : `,protocol="${protocol}"`;
      const all = `interface="${interfaceName}",${labels}ip="${address}"${end}`;
      count(samples, `ipv${ip.version}_${direction}`, all, lengthBytes);
    }
  }
  return samples;
}

/** Adds one packet to a histogram, of which all samples stand on the page as soon as one does. */
function count(samples: Map<string, number>, family: string, labels: string, lengthBytes: number): void {
  const name = `promacct_packet_size_bytes_${family}`;
  const add = (series: string, value: number) => samples.set(series, (samples.get(series) ?? 0) + value);
  for (const bound of BOUNDS) {
    const le = bound === Number.POSITIVE_INFINITY ? "+Inf" : bound;
    add(`${name}_bucket{${labels},le="${le}"}`, lengthBytes <= bound ? 1 : 0);
  }
  add(`${name}_sum{${labels}}`, lengthBytes);
  add(`${name}_count{${labels}}`, 1);
}
