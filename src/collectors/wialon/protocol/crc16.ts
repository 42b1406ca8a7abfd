/** CRC-16/ARC, as the appendix of Wialon IPS 2.0 has it: polynomial 0x8005, reflected, from 0. */
const REFLECTED_POLYNOMIAL = 0xa001;

/** What a byte does to the checksum: crc = CRC16[(crc ^ byte) & 0xff] ^ (crc >>> 8). */
export const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ REFLECTED_POLYNOMIAL;
  return crc;
});

/** Goes on with a checksum over bytes[from, to). Hot; does not allocate. */
export function crc16(crc: number, bytes: Uint8Array, from: number, to: number): number {
  for (let at = from; at < to; at++) crc = CRC16[(crc ^ bytes[at]!) & 0xff]! ^ (crc >>> 8);
  return crc;
}
