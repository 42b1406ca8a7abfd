/**
 * Whether an Accept-Encoding header (RFC 9110 section 12.5.3) asks for gzip. Without the header a client may take any
 * encoding, but only one that asks is known to undo it.
 */
export function acceptsGzip(acceptEncoding: string | undefined): boolean {
  const qualities = new Map((acceptEncoding ?? "").toLowerCase().split(",").map(parseCoding));
  return (qualities.get("gzip") ?? qualities.get("x-gzip") ?? qualities.get("*") ?? 0) > 0;
}

/** Reads `gzip;q=0.5`; a quality that cannot be read refuses. */
function parseCoding(text: string): [name: string, quality: number] {
  const [name = "", ...parameters] = text.split(";").map((part) => part.trim());
  const [, quality = "0"] = /^q\s*=\s*([01](?:\.\d*)?)$/.exec(parameters.join(";")) ?? [];
  return [name, parameters.length === 0 ? 1 : Number(quality)];
}
