import type { GeoDatabases } from "../geo/databases.ts";
import { type Family, gauge } from "../page/family.ts";

/** What the page says of the databases of addresses that are in use. */
export function databaseFamilies(databases: GeoDatabases): Family[] {
  const states = databases.states();
  return [
    gauge(
      "promtap_geoip_database_info",
      "The databases of addresses, and whom to thank.",
      states.map(({ database: { name, type, attribution } }) => ({
        labels: { database: name, type, attribution },
        value: 1,
      })),
    ),
    gauge(
      "promtap_geoip_database_build_timestamp_seconds",
      "When the database was built, since 1970.",
      states.map(({ database: { name, buildEpoch } }) => ({ labels: { database: name }, value: buildEpoch })),
    ),
    gauge(
      "promtap_geoip_database_current",
      "Whether the database in use is what its file holds now; 0 if the file is broken or gone.",
      states.map(({ database: { name }, isCurrent }) => ({ labels: { database: name }, value: isCurrent ? 1 : 0 })),
    ),
  ];
}
