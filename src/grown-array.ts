/* Arrays of numbers have a fixed length: one that grows gives way to a copy. */

type NumberArray = Float64Array | Int32Array | Uint32Array | Uint8Array;

/** A copy with zeros behind: twice as long, or longer if that is less than `length`. */
export function grown<T extends NumberArray>(array: T, length = 0): T {
  return lengthened(array, Math.max(2 * array.length, length));
}

/** A copy of this length, at least that of the array, with zeros behind. */
export function lengthened<T extends NumberArray>(array: T, length: number): T {
  const copy = new (array.constructor as new (length: number) => T)(length);
  copy.set(array);
  return copy;
}
