/** Packs the last four characters of a text into one number, as the parser does while it reads; the last one lowest. */
export function packText(text: string): number {
  let packed = 0;
  for (let at = 0; at < text.length; at++) packed = (packed << 8) | text.charCodeAt(at);
  return packed;
}
