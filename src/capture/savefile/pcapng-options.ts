import { interfaceNameOf } from "../interface-name.ts";

/*
 * draft-ietf-opsawg-pcapng, sections 3.5 and 4.2. An option:
 *
 *     0 | code (2) | value length (2) | value, padded to 4 bytes |
 */
const OPTION_HEADER_BYTES = 4;
const OPT_ENDOFOPT = 0;
const IF_NAME = 2;
const IF_TSRESOL = 9;
const IF_FCSLEN = 13;
const IF_TSOFFSET = 14;

/** Interface names of Windows take about 50 bytes; the format allows 65,535. */
const MAX_NAME_BYTES = 255;

/** What the options of an interface description say that matters here. */
export interface InterfaceOptions {
  /** As the writer gave it: any characters, of at most MAX_NAME_BYTES; empty if there is none. */
  name: string;
  fcsBytes: number;
  /** What a time counts, in seconds. */
  tickSeconds: number;
  /** What is to be added to a time. */
  offsetSeconds: number;
}

/** Reads the options in bytes[start, end); `view` is the same memory. Stops if they make no sense; never throws. */
export function readInterfaceOptions(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  littleEndian: boolean,
): InterfaceOptions {
  const options = { name: "", fcsBytes: 0, tickSeconds: 1e-6, offsetSeconds: 0 };
  let at = start;
  while (end - at >= OPTION_HEADER_BYTES) {
    const code = view.getUint16(at, littleEndian);
    const valueBytes = view.getUint16(at + 2, littleEndian);
    const value = at + OPTION_HEADER_BYTES;
    if (code === OPT_ENDOFOPT || valueBytes > end - value) break;
    if (code === IF_NAME) options.name = nameOf(bytes.subarray(value, value + valueBytes));
    if (code === IF_FCSLEN && valueBytes === 1) options.fcsBytes = fcsBytesOf(bytes[value]!);
    if (code === IF_TSRESOL && valueBytes === 1) options.tickSeconds = tickOf(bytes[value]!);
    if (code === IF_TSOFFSET && valueBytes === 8) options.offsetSeconds = Number(view.getBigInt64(value, littleEndian));
    at = value + ((valueBytes + 3) & ~3);
  }
  return options;
}

/** The text up to the terminator that some writers add; a character that the bound cuts in two is left out. */
function nameOf(value: Uint8Array): string {
  const terminator = value.indexOf(0);
  const text = terminator === -1 ? value : value.subarray(0, terminator);
  if (text.length <= MAX_NAME_BYTES) return interfaceNameOf(text);
  let end = MAX_NAME_BYTES;
  while (end > MAX_NAME_BYTES - 3 && (text[end]! & 0xc0) === 0x80) end--;
  return interfaceNameOf(text.subarray(0, end));
}

/** A negative power of 10, or of 2 if the highest bit is set. */
function tickOf(resolution: number): number {
  return (resolution & 0x80) === 0 ? 10 ** -resolution : 2 ** -(resolution & 0x7f);
}

/** The unit is bits. Small numbers are of writers that took it for bytes: the specification's own example is 4. */
function fcsBytesOf(value: number): number {
  return value < 8 ? value : value >> 3;
}
