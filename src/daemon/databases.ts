import type { Config } from "../config/config.ts";
import { GeoDatabases } from "../geo/databases.ts";
import { log } from "../log.ts";
import { readAsset } from "../native/asset.ts";

const opened = new WeakMap<Config, Promise<GeoDatabases>>();

/**
 * Opens the databases that the config names, or what the binary carries: once, for all that look addresses up. Throws
 * PromtapError.
 */
export function openDatabases(config: Config): Promise<GeoDatabases> {
  const databases = opened.get(config) ?? open(config.geoDatabases);
  opened.set(config, databases);
  return databases;
}

function open(paths: readonly string[]): Promise<GeoDatabases> {
  return GeoDatabases.open(
    paths,
    () => readAsset("iptoasn-country.mmdb"),
    (database, error) => {
      if (error === undefined) log.info("database read again", { database });
      else log.error("database changed, the one before stays in use", { database, error });
    },
  );
}
