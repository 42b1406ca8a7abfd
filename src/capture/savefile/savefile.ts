import { basename } from "node:path";
import { openSource, printablePath, STDIN_PATH } from "./byte-source.ts";
import { ByteStream } from "./byte-stream.ts";
import { FileInterfaces, type FrameReceiver } from "./file-interfaces.ts";
import { isPcapMagic, readPcap } from "./pcap.ts";
import { PCAPNG_MAGIC, readPcapng } from "./pcapng.ts";

export type { FrameReceiver, FrameSink } from "./file-interfaces.ts";

export interface SavefileOptions extends FrameReceiver {
  /** A file or FIFO; `-` is standard input. */
  path: string;
  /** Ends the reading early. */
  signal?: AbortSignal;
}

const MAGIC_BYTES = 4;

/** Files that are likely to be captures once they are unpacked: their first bytes, and the tool for it. */
const COMPRESSIONS = [
  { magic: [0x1f, 0x8b], format: "gzip", tool: "zcat" },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], format: "zstd", tool: "zstdcat" },
  { magic: [0xfd, 0x37, 0x7a, 0x58], format: "xz", tool: "xzcat" },
] as const;

/**
 * Counts all frames of a pcap or pcapng file, and resolves at its end or when it is aborted. Where the file is damaged,
 * everything before the damage is counted, and then a PromtapError names the byte. Memory does not depend on the size
 * of the file.
 *
 * An interface is called what the pcapng file calls it; where there is no name, as the file without its directories
 * ("stdin" for `-`), with `:1`, `:2`, ... behind it for further interfaces of a section.
 */
export async function readSavefile(options: SavefileOptions): Promise<void> {
  const { path, signal } = options;
  await using source = openSource(path, signal);
  const stream = new ByteStream(source, printablePath(path));
  try {
    await readFrames(stream, new FileInterfaces(options, stream), path);
  } catch (error) {
    if (signal?.aborted !== true) throw error;
  }
}

async function readFrames(stream: ByteStream, interfaces: FileInterfaces, path: string): Promise<void> {
  const complete = await stream.fill(MAGIC_BYTES);
  if (stream.available === 0) throw stream.damage("the file is empty");
  refuseCompressed(stream, path);
  const magic = stream.view.getUint32(0);
  const interfaceName = path === STDIN_PATH ? "stdin" : basename(path);
  if (complete && magic === PCAPNG_MAGIC) return readPcapng(stream, interfaces, interfaceName);
  if (complete && isPcapMagic(magic)) return readPcap(stream, interfaces, interfaceName);
  throw stream.damage(`neither a pcap nor a pcapng file: it begins with ${hexOf(stream)}`);
}

function refuseCompressed(stream: ByteStream, path: string): void {
  const found = COMPRESSIONS.find(({ magic }) =>
    magic.every((byte, at) => at < stream.end && stream.bytes[at] === byte),
  );
  if (found === undefined) return;
  const input = path === STDIN_PATH ? "..." : printablePath(path);
  throw stream.damage(`the file is compressed (${found.format}); use: ${found.tool} ${input} | promtap --read -`);
}

function hexOf(stream: ByteStream): string {
  return Buffer.from(stream.bytes.subarray(0, Math.min(stream.end, MAGIC_BYTES))).toString("hex");
}
