import { ErrorCode, PromtapError } from "../../errors.ts";
import * as bpf from "../../native/bpf.ts";
import * as libc from "../../native/libc.ts";
import { bpfRefusal } from "./refusal.ts";

const PAGE_BYTES = 4096;

const MAP_FLAGS: Record<number, number> = {
  [bpf.BPF_MAP_TYPE_ARRAY]: bpf.BPF_F_MMAPABLE,
  [bpf.BPF_MAP_TYPE_HASH]: bpf.BPF_F_NO_PREALLOC,
  [bpf.BPF_MAP_TYPE_PROG_ARRAY]: 0,
};

/** Maps that live and go together, and the memory of those that we read. */
export class MapSet {
  #fds: number[] = [];
  readonly #mappings: libc.Mapping[] = [];

  /** Makes a map, which belongs to the set. Throws PromtapError. */
  create(...map: Parameters<typeof createMap>): number {
    const fd = createMap(...map);
    this.#fds.push(fd);
    return fd;
  }

  /** The memory of an array map, until `close`. Throws PromtapError. */
  map(fd: number, bytes: number): ArrayBuffer {
    const mapping = mapArray(fd, bytes);
    this.#mappings.push(mapping);
    return mapping.buffer;
  }

  /** The maps live on in programs that have them, and in their memory; all but `kept` are found by nothing else. */
  closeDescriptors(kept: readonly number[] = []): void {
    for (const fd of this.#fds) if (!kept.includes(fd)) libc.close(fd);
    this.#fds = [...kept];
  }

  /** Nothing may read the memory any more. */
  close(): void {
    for (const mapping of this.#mappings) mapping.unmap();
    this.closeDescriptors();
  }
}

/** The memory of an array map; values are side by side, each rounded up to 8 bytes. */
export function mapArray(fd: number, bytes: number): libc.Mapping {
  const mapping = libc.mmap(fd, Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES);
  if (typeof mapping !== "number") return mapping;
  throw new PromtapError(ErrorCode.HOST, `couldn't map a table of the kernel's: ${libc.errnoText(mapping)}`);
}

/** Makes a map. Throws PromtapError. */
export function createMap(name: string, type: number, keyBytes: number, valueBytes: number, entries: number): number {
  const flags = MAP_FLAGS[type]!;
  const fd = bpf.createMap(type, keyBytes, valueBytes, entries, flags, `promtap_${name}`.slice(0, 15));
  if (fd >= 0) return fd;
  const bytes = entries * valueBytes;
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't make a table of ${bytes} bytes in the kernel: ${bpfRefusal(fd, "CAP_BPF")}`,
  );
}
