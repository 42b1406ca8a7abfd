import type { Personality } from "./personality.ts";
import { GETOPT } from "./style/getopt.ts";

export const promacct: Personality = {
  style: GETOPT,
  switches: [],
  flags: [
    {
      name: "i",
      value: "interface",
      isRequired: true,
      isRepeatable: true,
      becomes: "interface",
      help: "Interface to count.",
    },
    { name: "p", value: "httpport", default: "9112", becomes: "port", help: "Port to serve on." },
    {
      name: "r",
      value: "startaddr-endaddr[:key=value...]",
      isRepeatable: true,
      becomes: "range",
      help: "Addresses that get series of their own.",
    },
  ],
  guise: {
    name: "promacct",
    families: {
      promacct_packet_size_bytes_all: null,
      promacct_packet_size_bytes_ipv4_tx: null,
      promacct_packet_size_bytes_ipv4_rx: null,
      promacct_packet_size_bytes_ipv6_tx: null,
      promacct_packet_size_bytes_ipv6_rx: null,
    },
    otherPaths: "page",
  },
};
