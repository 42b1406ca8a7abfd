import type { DatabasesConfig } from "../config/databases.ts";
import { GeoDatabases } from "../geo/databases.ts";
import { log } from "../log.ts";
import { readAsset } from "../native/asset.ts";

/**
 * Opens the databases in these files, or the one that the binary carries, when they are first asked for; once for all
 * users. Throws PromtapError.
 */
export function sharedDatabases(config: DatabasesConfig): () => Promise<GeoDatabases> {
  let opened: Promise<GeoDatabases> | undefined;
  return () => (opened ??= open(config));
}

function open({ paths, takesRegistered }: DatabasesConfig): Promise<GeoDatabases> {
  return GeoDatabases.open(
    paths,
    () => readAsset("iptoasn-country.mmdb"),
    (database, error) => {
      if (error === undefined) log.info("database read again", { database });
      else log.error("database changed, the one before stays in use", { database, error });
    },
    takesRegistered,
  );
}
