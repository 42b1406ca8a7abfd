import { basename } from "node:path";
import { type ByteInput, openInput, printablePath, STDIN_PATH } from "./byte-input.ts";
import { ByteStream } from "./byte-stream.ts";
import { FileInterfaces, type FrameReceiver } from "./file-interfaces.ts";
import { checkPcapHeader, isPcapMagic, readPcap } from "./pcap.ts";
import { checkPcapngHeader, PCAPNG_MAGIC, readPcapng } from "./pcapng.ts";

const MAGIC_BYTES = 4;

/** Files that are likely to be captures once they are unpacked: their first bytes, and the tool for it. */
const COMPRESSIONS = [
  { magic: [0x1f, 0x8b], format: "gzip", tool: "zcat" },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], format: "zstd", tool: "zstdcat" },
  { magic: [0xfd, 0x37, 0x7a, 0x58], format: "xz", tool: "xzcat" },
] as const;

/** Opens a file or FIFO to be counted; `-` is standard input. The signal ends the reading. Throws PromtapError. */
export function openSavefile(path: string, signal?: AbortSignal): Savefile {
  return new Savefile(openInput(path, signal), path, signal);
}

/** A pcap or pcapng file that is read once, in memory that does not depend on its size. */
export class Savefile implements AsyncDisposable {
  /** Whether its bytes come as they are written, and are gone for others once they are read here. */
  readonly isPipe: boolean;
  /** What messages call it. */
  readonly name: string;
  readonly #input: ByteInput;
  readonly #stream: ByteStream;
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;
  #recognition: Promise<void> | undefined;

  constructor(input: ByteInput, path: string, signal: AbortSignal | undefined) {
    this.isPipe = input.isPipe;
    this.#input = input;
    this.name = printablePath(path);
    this.#stream = new ByteStream(input, this.name);
    this.#path = path;
    this.#signal = signal;
  }

  /**
   * Judges the file by its header, once that is there; resolves as well when it is aborted. Throws PromtapError if
   * nothing of the file could be counted.
   */
  recognize(): Promise<void> {
    return (this.#recognition ??= this.#unlessAborted(() => recognize(this.#stream, this.#path)));
  }

  /**
   * Counts all frames, and resolves at the end of the file or when it is aborted. If the file is damaged, everything
   * before the damage is counted, and then a PromtapError names the byte. To be called once.
   *
   * An interface is called what the pcapng file calls it; if there is no name, as the file without its directories
   * ("stdin" for `-`), with `:1`, `:2`, ... behind it for further interfaces of a section.
   */
  async count(receiver: FrameReceiver): Promise<void> {
    await this.recognize();
    await this.#unlessAborted(() => readFrames(this.#stream, receiver, this.#path));
  }

  async #unlessAborted(work: () => Promise<void>): Promise<void> {
    try {
      this.#signal?.throwIfAborted();
      await work();
    } catch (error) {
      if (this.#signal?.aborted !== true) throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#input[Symbol.asyncDispose]();
  }
}

async function recognize(stream: ByteStream, path: string): Promise<void> {
  const complete = await stream.fill(MAGIC_BYTES);
  if (stream.available === 0) throw stream.damage("the file is empty");
  refuseCompressed(stream, path);
  const magic = stream.view.getUint32(0);
  if (complete && magic === PCAPNG_MAGIC) return checkPcapngHeader(stream);
  if (complete && isPcapMagic(magic)) return checkPcapHeader(stream);
  throw stream.damage(`neither a pcap nor a pcapng file: it begins with ${hexOf(stream)}`);
}

/** `stream`: a file that has been recognized. */
async function readFrames(stream: ByteStream, receiver: FrameReceiver, path: string): Promise<void> {
  const read = stream.view.getUint32(0) === PCAPNG_MAGIC ? readPcapng : readPcap;
  await read(stream, new FileInterfaces(receiver, stream), path === STDIN_PATH ? "stdin" : basename(path));
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
