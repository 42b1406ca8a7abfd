/* What the flavours of MaxMind DB files hold of an address. Every reader takes whatever a record may be. */

/** A country by its code in ISO 3166-1, such as "DE"; the continent where the file names one, such as "EU". */
export interface Country {
  readonly code: string;
  readonly continent: string | undefined;
}

/** An autonomous system; the name is "" where the file has none. */
export interface AutonomousSystem {
  readonly number: number;
  readonly name: string;
}

const TWO_LETTERS = /^[A-Z]{2}$/;
/** Codes that files use for no country: "ZZ" is ISO 3166-1's own for unknown. */
const NO_COUNTRIES: readonly string[] = ["ZZ", "XX"];
const HIGHEST_NUMBER = 0xffff_ffff;
/** Names are labels of series. */
const LONGEST_NAME = 100;

/**
 * The country of a record of GeoLite2, GeoIP2 and DB-IP (`country.iso_code`), of ip-location-db (`country_code`) or of
 * IPinfo (`country_code`, or `country` with the code in it).
 */
export function countryOf(record: unknown): Country | undefined {
  const code =
    codeOf(field(record, "country_code")) ??
    codeOf(field(field(record, "country"), "iso_code")) ??
    codeOf(field(record, "country"));
  if (code === undefined || NO_COUNTRIES.includes(code)) return undefined;
  const continent =
    codeOf(field(record, "continent_code")) ??
    codeOf(field(field(record, "continent"), "code")) ??
    codeOf(field(record, "continent"));
  return { code, continent };
}

/**
 * The autonomous system of a record of GeoLite2, GeoIP2, DB-IP and ip-location-db (`autonomous_system_number` and
 * `_organization`) or of IPinfo (`asn` as in "AS15169", with `as_name` or `name`).
 */
export function autonomousSystemOf(record: unknown): AutonomousSystem | undefined {
  const given = field(record, "autonomous_system_number") ?? field(record, "asn") ?? field(record, "as_number");
  const number = typeof given === "string" ? Number(/^(?:AS)?([0-9]{1,10})$/i.exec(given)?.[1]) : given;
  // 0 says that nobody announces the address (RFC 7607)
  if (typeof number !== "number" || !(number > 0 && number <= HIGHEST_NUMBER)) return undefined;
  const name = ["autonomous_system_organization", "as_name", "name", "organization"]
    .map((key) => field(record, key))
    .find((value) => typeof value === "string");
  return { number, name: labelOf(name) };
}

/** A text that may be a label of series; "" where it is none. */
export function labelOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, LONGEST_NAME).toWellFormed() : "";
}

/** What a map of the file has under a key; undefined where it is no map or has none. */
export function field(record: unknown, key: string): unknown {
  if (typeof record !== "object" || record === null || !Object.hasOwn(record, key)) return undefined;
  return (record as Record<string, unknown>)[key];
}

function codeOf(value: unknown): string | undefined {
  const code = typeof value === "string" ? value.toUpperCase() : "";
  return TWO_LETTERS.test(code) ? code : undefined;
}
