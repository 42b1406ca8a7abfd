import { GO_PROCESS } from "./guise.ts";
import type { Personality } from "./personality.ts";
import { GO_FLAG } from "./style/go-flag.ts";

export const geoip: Personality = {
  style: GO_FLAG,
  switches: ["geoip"],
  flags: [
    {
      name: "blacklist",
      value: "string",
      becomes: "geoip-exclude",
      help: "Addresses blacklist to filter out from results",
    },
    { name: "debug", becomes: "debug", help: "Debug log level" },
    {
      name: "interval",
      value: "int",
      nominal: "180",
      becomes: "interval",
      help: "Interval for metrics collection in seconds",
    },
    {
      name: "web.listen-address",
      value: "string",
      default: ":9300",
      becomes: "web.listen-address",
      help: "Address on which to expose metrics",
    },
  ],
  guise: {
    name: "geoip-exporter",
    families: { ...GO_PROCESS, job_location: "Location connections number" },
    otherPaths: "none",
  },
};
