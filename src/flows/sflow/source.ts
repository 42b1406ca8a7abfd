/*
 * What a sample of sFlow v5 is of: type in 8 bits and index in 24, or, in an expanded sample, a u32 each.
 */
const SOURCE_INTERFACE = 0;
const SOURCE_TYPE_SHIFT = 24;
const SOURCE_INDEX_MASK = 0x00ff_ffff;

/** The interface that a sample is of, by what stands at `at`; 0 if it is of something else. */
export function sourceOf(view: DataView, at: number, isExpanded: boolean): number {
  const source = view.getUint32(at);
  if (isExpanded) return source === SOURCE_INTERFACE ? view.getUint32(at + 4) : 0;
  return source >>> SOURCE_TYPE_SHIFT === SOURCE_INTERFACE ? source & SOURCE_INDEX_MASK : 0;
}
