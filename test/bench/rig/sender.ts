import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { type Rig, SENDER_CPU, INTERFACE } from "./rig.ts";

/** The two ranges that programs account: every frame goes from an address of the first to one of the second. */
export const RANGES = ["10.0.0.0-10.0.0.255", "10.0.1.0-10.0.1.255"] as const;

/** Likewise, of IPv6. */
export const IPV6_RANGES = ["fd00::/120", "fd00::1:0/120"] as const;

/** Where frames come from and go to. */
export interface Ends {
  readonly version: 4 | 6;
  /** Source and destination, in trafgen's language. */
  readonly addresses: string;
}

const BETWEEN_RANGES: Ends = { version: 4, addresses: "10, 0, 0, drnd(1), 10, 0, 1, drnd(1)" };
export const BETWEEN_IPV6_RANGES: Ends = {
  version: 6,
  addresses: "0xfd, fill(0, 14), drnd(1), 0xfd, fill(0, 12), 1, 0, drnd(1)",
};
/** From an address of the first range to any. */
export const TO_ANYWHERE: Ends = { version: 4, addresses: "10, 0, 0, drnd(1), drnd(1), drnd(1), drnd(1), drnd(1)" };
/** From any address to any. */
export const ANYWHERE: Ends = { version: 4, addresses: Array<string>(8).fill("drnd(1)").join(", ") };

/** Ethernet frames without the check sequence. */
export const FRAME_SIZES = [64, 1414] as const;

const ETHERNET_BYTES = 14;
const IP_BYTES = { 4: 20, 6: 40 } as const;
const UDP_BYTES = 8;

/** Enough to fill the blocks of any ring that is only read when a block is full (256 KiB in libpcap). */
const FILLER_FRAMES = 1_000;

/**
 * Sends UDP frames between random addresses of the two ranges as fast as trafgen goes: one process, TX ring, past the
 * queue discipline. Resolves with how long the sending took, in nanoseconds, by trafgen's own clock. The
 * receiver's side of a veth pair runs within that time, up to and including the taps.
 */
export async function sendTraffic(
  rig: Rig,
  frameBytes: number,
  packets: number,
  ends = BETWEEN_RANGES,
): Promise<number> {
  return send(rig, frame(frameBytes, ends), packets);
}

/** Sends likewise until it is disposed of; resolves when frames arrive. */
export async function trafficWithoutEnd(rig: Rig, frameBytes: number, ends = BETWEEN_RANGES): Promise<AsyncDisposable> {
  const arrivedBefore = rig.arrivedPackets();
  const child = trafgen(rig, frame(frameBytes, ends), []);
  try {
    await child.until("sends", () => rig.arrivedPackets() > arrivedBefore);
    return child;
  } catch (error) {
    await child.stop();
    throw error;
  }
}

/** Sends frames that lie in no range, for programs that show packets only when the block they came in is full. */
export async function sendFiller(rig: Rig): Promise<void> {
  await send(rig, frame(FRAME_SIZES[1], { version: 4, addresses: "192, 0, 2, 1, 192, 0, 2, 2" }), FILLER_FRAMES);
}

/** Replays a capture file as fast as it goes. */
export async function replay(rig: Rig, path: string): Promise<void> {
  const options = ["--no-sock-mem", "--silent", "--ring-size", "16MiB"];
  const command = ["netsniff-ng", "--in", path, "--out", INTERFACE, ...options];
  await using child = new Child(rig, rig.sender, SENDER_CPU, command);
  await child.end();
}

async function send(rig: Rig, config: string, packets: number): Promise<number> {
  await using child = trafgen(rig, config, ["--num", `${packets}`]);
  const output = await child.end();
  const [, seconds, microseconds] = /(\d+) sec, (\d+) usec on CPU/.exec(output) ?? [];
  if (seconds === undefined) throw new Error(`trafgen didn't tell how long it took: ${output}`);
  return Number(seconds) * 1e9 + Number(microseconds) * 1e3;
}

function trafgen(rig: Rig, config: string, options: readonly string[]): Child {
  const path = join(rig.folder.path, "frames.cfg");
  writeFileSync(path, config);
  const command = ["trafgen", "--no-sock-mem", "--cpus", "1", "--in", path, "--out", INTERFACE, ...options];
  return new Child(rig, rig.sender, SENDER_CPU, command);
}

/**
 * A frame in trafgen's language. Its destination is nobody's hardware address, so that the kernel drops it right after
 * the taps and nothing answers; nobody looks at the checksums.
 */
function frame(frameBytes: number, { version, addresses }: Ends): string {
  const ipBytes = frameBytes - ETHERNET_BYTES;
  const udpBytes = ipBytes - IP_BYTES[version];
  const head = {
    4: `c16(0x0800), 0x45, 0, c16(${ipBytes}), c16(0), c16(0), 64, 17, c16(0)`,
    6: `c16(0x86dd), 0x60, 0, 0, 0, c16(${udpBytes}), 17, 64`,
  };
  return `{
    0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, ${head[version]}, ${addresses},
    c16(40000), c16(9), c16(${udpBytes}), c16(0), fill(0x2a, ${udpBytes - UDP_BYTES})
  }\n`;
}
