/** A number of its own for each text of up to three characters that are packed into one number, the last one lowest. */
export function keyOf(packed: number, length: number): number {
  return (length << 24) | packed;
}

export function keyOfText(text: string): number {
  let packed = 0;
  for (let at = 0; at < text.length; at++) packed = (packed << 8) | text.charCodeAt(at);
  return keyOf(packed, text.length);
}
