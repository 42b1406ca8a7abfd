/* Frames of HTTP/2: RFC 9113 section 6. */

/** What a client sends first. */
export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
export const HEADERS = 1;
export const RST_STREAM = 3;
export const SETTINGS = 4;
export const PING = 6;
export const CONTINUATION = 9;
export const END_STREAM = 0x1;
export const END_HEADERS = 0x4;
export const CANCEL: Buffer = Buffer.from([0, 0, 0, 8]);
export const PING_DATA: Buffer = Buffer.alloc(8);

export function frame(type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A header that no table has from then on; `name`: as HPACK (RFC 7541 section 6.2.2) says it. */
export function header(name: readonly number[], value: string): Buffer {
  return Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value)]);
}

/** The headers of GET https://a/metrics. */
export const GET: Buffer = Buffer.concat([Buffer.from([0x82, 0x87]), header([0x01], "a"), header([0x04], "/metrics")]);
