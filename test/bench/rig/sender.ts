import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Child } from "./child.ts";
import { type Rig, SENDER_CPU, INTERFACE } from "./rig.ts";

/** The two ranges that programs account: every frame goes from an address of the first to one of the second. */
export const RANGES = ["10.0.0.0-10.0.0.255", "10.0.1.0-10.0.1.255"] as const;

/** Addresses of a frame: source and destination, in trafgen's language. */
const BETWEEN_RANGES = "10, 0, 0, drnd(1), 10, 0, 1, drnd(1)";
/** From an address of the first range to any. */
export const TO_ANYWHERE = "10, 0, 0, drnd(1), drnd(1), drnd(1), drnd(1), drnd(1)";

/** Ethernet frames without the check sequence. */
export const FRAME_SIZES = [64, 1414] as const;

const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
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
  addresses: string = BETWEEN_RANGES,
): Promise<number> {
  return send(rig, frame(frameBytes, addresses), packets);
}

/** Sends likewise until it is disposed of; resolves when frames arrive. */
export async function trafficWithoutEnd(
  rig: Rig,
  frameBytes: number,
  addresses: string = BETWEEN_RANGES,
): Promise<AsyncDisposable> {
  const arrivedBefore = rig.arrivedPackets();
  const child = trafgen(rig, frame(frameBytes, addresses), []);
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
  await send(rig, frame(FRAME_SIZES[1], "192, 0, 2, 1, 192, 0, 2, 2"), FILLER_FRAMES);
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
function frame(frameBytes: number, addresses: string): string {
  const ipBytes = frameBytes - ETHERNET_BYTES;
  const udpBytes = ipBytes - IPV4_BYTES;
  return `{
    0x02, 0, 0, 0, 0, 0x02, 0x02, 0, 0, 0, 0, 0x01, c16(0x0800),
    0x45, 0, c16(${ipBytes}), c16(0), c16(0), 64, 17, c16(0), ${addresses},
    c16(40000), c16(9), c16(${udpBytes}), c16(0), fill(0x2a, ${udpBytes - UDP_BYTES})
  }\n`;
}
