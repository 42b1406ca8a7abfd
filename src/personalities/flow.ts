import { GO_PROCESS } from "./guise.ts";
import type { Personality } from "./personality.ts";
import { GO_FLAG } from "./style/go-flag.ts";

export const flow: Personality = {
  style: GO_FLAG,
  switches: [],
  flags: [
    { name: "addr", value: "string", default: ":9590", becomes: "web.listen-address", help: "Listening Address" },
    { name: "asn", value: "int", becomes: "flow-asn", help: "The ASN being monitored" },
    {
      name: "brokers",
      value: "string",
      isRequired: true,
      becomes: "flow-brokers",
      help: "A comma separated list of Kafka brokers to connect to",
    },
    {
      name: "partitions",
      value: "string",
      nominal: "all",
      becomes: "flow-partitions",
      help: "The partitions to consume, can be 'all' or comma-separated numbers",
    },
    {
      name: "topic",
      value: "string",
      isRequired: true,
      becomes: "flow-topic",
      help: "The Kafka topic to consume from",
    },
  ],
  guise: {
    name: "flow-exporter",
    families: {
      ...GO_PROCESS,
      flow_receive_bytes_total: "Bytes received.",
      flow_transmit_bytes_total: "Bytes transferred.",
    },
    otherPaths: "none",
  },
};
