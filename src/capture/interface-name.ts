const BACKSLASH = 0x5c;

/**
 * The name of an interface, which may be any bytes, as text: different bytes give different texts. It is the UTF-8 that
 * nearly all are. In others each byte that is not ASCII is `\xNN`, as is the backslash, and so it is in a name with `\x`.
 */
export function interfaceNameOf(bytes: Uint8Array): string {
  const text = utf8Of(bytes);
  if (text !== undefined) return text.includes("\\x") ? text.replaceAll("\\", escaped(BACKSLASH)) : text;
  const isPlain = (byte: number): boolean => byte < 0x80 && byte !== BACKSLASH;
  return Array.from(bytes, (byte) => (isPlain(byte) ? String.fromCharCode(byte) : escaped(byte))).join("");
}

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function escaped(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, "0")}`;
}
