/** What JSON.parse returned, of which nothing is known. */
export type Json = unknown;

/** A field of an object; undefined if it has none of this name, or is no object. */
export function field(value: Json, name: string): Json {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
  return (value as Record<string, Json>)[name];
}

/** The only field of an object such as `{"accept": null}`; undefined for anything else. */
export function onlyField(value: Json): [name: string, value: Json] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const fields = Object.entries(value);
  return fields.length === 1 ? fields[0] : undefined;
}

export function arrayOf(value: Json): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: Json): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** A number of 64 bits; jansson, which nft writes it with, makes it negative from 2^63 on. */
export function countOf(value: Json): number | undefined {
  if (typeof value !== "number") return undefined;
  return value < 0 ? value + 2 ** 64 : value;
}
