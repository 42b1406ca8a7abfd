import { list, nonEmpty } from "./flag.ts";
import { section } from "./section.ts";

const FLAGS = {
  paths: list({
    name: "geoip-db",
    key: "geoip_databases",
    value: "FILE",
    needs: ["geoip", "by"],
    help:
      "Countries or AS numbers, in the format of MaxMind DB (.mmdb), instead of the countries in the binary; read " +
      "again when it changes. The first file that knows an address has the word.",
    parse: nonEmpty("a file in the format of MaxMind DB (.mmdb)"),
  }),
};

/** Files with the countries or AS numbers of addresses, each once; none if those in the binary will do. */
export const databasesSection = section("Countries and ASes", FLAGS, ({ paths }) => [...new Set(paths)]);
