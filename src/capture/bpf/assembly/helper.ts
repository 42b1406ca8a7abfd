/** Helpers of the kernel that programs call: enum bpf_func_id of linux/bpf.h. */
export const BPF_FUNC = {
  MAP_LOOKUP_ELEM: 1,
  MAP_UPDATE_ELEM: 2,
  GET_SMP_PROCESSOR_ID: 8,
  TAIL_CALL: 12,
  SKB_LOAD_BYTES: 26,
} as const;
export type BpfFunc = (typeof BPF_FUNC)[keyof typeof BPF_FUNC];

/** Flag of an update: only if the key is not there yet. */
export const BPF_NOEXIST = 1;

/** Number → name, without `bpf_`. */
export const HELPER_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(BPF_FUNC).map(([name, number]) => [number, name.toLowerCase()]),
);
