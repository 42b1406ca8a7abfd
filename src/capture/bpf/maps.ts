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

/** The memory of an array map; values are side by side, each rounded up to 8 bytes. */
export function mapArray(fd: number, bytes: number): libc.Mapping {
  const mapping = libc.mmap(fd, Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES);
  if (typeof mapping !== "number") return mapping;
  throw new PromtapError(ErrorCode.HOST, `couldn't map a BPF array: ${libc.errnoText(mapping)}`);
}

/** Makes a map. Throws PromtapError. */
export function createMap(name: string, type: number, keyBytes: number, valueBytes: number, entries: number): number {
  const flags = MAP_FLAGS[type]!;
  const fd = bpf.createMap(type, keyBytes, valueBytes, entries, flags, `promtap_${name}`.slice(0, 15));
  if (fd >= 0) return fd;
  const bytes = entries * valueBytes;
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't make the map ${name} of ${bytes} bytes: ${bpfRefusal(fd, "CAP_BPF")}`,
  );
}
