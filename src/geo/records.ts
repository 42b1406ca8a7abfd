/* What the flavours of MaxMind DB files hold of an address. Every reader takes whatever a record may be. */

/** A country by its code in ISO 3166-1, such as "DE"; the continent if the file names one, such as "EU". */
export interface Country {
  readonly code: string;
  readonly continent: string | undefined;
}

/** An autonomous system; the name is "" if the file has none. */
export interface AutonomousSystem {
  readonly number: number;
  readonly name: string;
}

const TWO_LETTERS = /^[A-Z]{2}$/;
/** Codes that files use for no country: "ZZ" is ISO 3166-1's own for unknown. */
const NO_COUNTRIES: readonly string[] = ["ZZ", "XX"];
const MAX_NUMBER = 0xffff_ffff;
/** Names are labels of series. */
const MAX_NAME_CHARACTERS = 100;

/**
 * The country of a record of GeoLite2, GeoIP2 and DB-IP (`country.iso_code`), of ip-location-db (`country_code`) or of
 * IPinfo (`country_code`, or `country` with the code in it). `takesRegistered`: if there is none, that in which the
 * network is registered (`registered_country`).
 */
export function countryOf(record: unknown, takesRegistered: boolean): Country | undefined {
  const code =
    countryCodeOf(field(record, "country_code")) ??
    countryCodeOf(field(field(record, "country"), "iso_code")) ??
    countryCodeOf(field(record, "country"));
  if (code !== undefined) return { code, continent: continentIn(record) };
  const registered = takesRegistered
    ? countryCodeOf(field(field(record, "registered_country"), "iso_code"))
    : undefined;
  // The continent of the record is that of the address.
  return registered === undefined ? undefined : { code: registered, continent: undefined };
}

/** The continent that a record names, with or without a country. */
export function continentIn(record: unknown): string | undefined {
  return (
    codeOf(field(record, "continent_code")) ??
    codeOf(field(field(record, "continent"), "code")) ??
    codeOf(field(record, "continent"))
  );
}

/**
 * The autonomous system of a record: of GeoLite2, GeoIP2, DB-IP and ip-location-db (`autonomous_system_number` and
 * `_organization`), of GeoIP2 Enterprise (the same in `traits`) or of IPinfo (`asn` as in "AS15169", with `as_name`, or
 * `name` if records are of ASes). Whom the network belongs to is another question: `organization` and `isp` tell it.
 */
export function autonomousSystemOf(record: unknown): AutonomousSystem | undefined {
  return (
    systemOf(record, "autonomous_system_number", "autonomous_system_organization") ??
    systemOf(field(record, "traits"), "autonomous_system_number", "autonomous_system_organization") ??
    systemOf(record, "asn", "as_name", "name") ??
    systemOf(record, "as_number", "as_name")
  );
}

/** The system whose number a map has under `numberKey`, with the first of its names that is there. */
function systemOf(map: unknown, numberKey: string, ...nameKeys: readonly string[]): AutonomousSystem | undefined {
  const given = field(map, numberKey);
  const number = typeof given === "string" ? Number(/^(?:AS)?([0-9]{1,10})$/i.exec(given)?.[1]) : given;
  // 0 says that nobody announces the address (RFC 7607)
  if (typeof number !== "number" || !(number > 0 && number <= MAX_NUMBER)) return undefined;
  const name = nameKeys.map((key) => field(map, key)).find((value) => typeof value === "string");
  return { number, name: labelOf(name) };
}

/** A text that may be a label of series; "" if it is none. */
export function labelOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, MAX_NAME_CHARACTERS).toWellFormed() : "";
}

/** What a map of the file has under a key; undefined if it is no map or has none. */
export function field(record: unknown, key: string): unknown {
  if (typeof record !== "object" || record === null || !Object.hasOwn(record, key)) return undefined;
  return (record as Record<string, unknown>)[key];
}

function countryCodeOf(value: unknown): string | undefined {
  const code = codeOf(value);
  return code === undefined || NO_COUNTRIES.includes(code) ? undefined : code;
}

function codeOf(value: unknown): string | undefined {
  const code = typeof value === "string" ? value.toUpperCase() : "";
  return TWO_LETTERS.test(code) ? code : undefined;
}
