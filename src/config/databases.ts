import { list, nonEmpty, toggle } from "./flag.ts";
import { section } from "./section.ts";

const FLAGS = {
  paths: list({
    name: "geoip-db",
    key: "geoip_databases",
    value: "FILE",
    needs: ["geoip", "by", "customers.by"],
    help:
      "Countries or AS numbers, in the format of MaxMind DB (.mmdb), instead of the countries in the binary; read " +
      "again when it changes. The first file that knows an address has the word.",
    parse: nonEmpty("a file in the format of MaxMind DB (.mmdb)"),
  }),
  takesRegistered: toggle({
    name: "geoip-registered",
    key: "geoip_registered",
    needs: ["geoip-db"],
    help:
      "An address that a file of --geoip-db places in no country counts for that in which its network is registered " +
      "(registered_country), as those of anycast services are.",
  }),
};

/** Where the countries and AS numbers of addresses come from. */
export interface DatabasesConfig {
  /** Files, each once; none if those in the binary will do. */
  readonly paths: readonly string[];
  readonly takesRegistered: boolean;
}

export const databasesSection = section("Countries and ASes", FLAGS, ({ paths, takesRegistered }): DatabasesConfig => ({
  paths: [...new Set(paths)],
  takesRegistered,
}));
