import {
  choice,
  type GivenFlags,
  illegal,
  list,
  nonEmpty,
  single,
  usageError,
  wholeNumber,
} from "../../../config/flag.ts";
import type { Values } from "../../../config/section.ts";
import { COUNTED_DIRECTIONS } from "../../../flows/exporter.ts";
import { type Address, parseAddress } from "../../../packet/address.ts";
import { networksOf } from "../../connections/section.ts";
import type { Sampling } from "./udp-intake.ts";
import type { ListenAddress } from "./udp-receiver.ts";

export const MAX_PORT = 65_535;
const NEEDS_LISTEN = { needs: ["flow-listen"] } as const;
/** More would be for a machine that nobody has. */
const MAX_SHARERS = 64;
/** Of what a sampled count is multiplied by. */
const MAX_SAMPLING = 1_000_000;

const file = nonEmpty("a file");

const AS_SOURCES = ["record", "database"] as const;

/** What is received by UDP, and how it is counted. */
export const UDP_FLAGS = {
  /** Addresses at which exporters' datagrams are received. */
  listen: list({
    name: "flow-listen",
    key: "flow.listen",
    value: "ADDRESS",
    excludes: { once: "flows come as long as promtap runs" },
    help:
      "Address at which NetFlow v5 and v9, IPFIX and sFlow v5 are received by UDP: :2055, 192.0.2.1:2055, [::1]:6343. " +
      "With it, traffic is captured only if -i asks for it.",
    parse: listenAddressOf,
  }),
  /** How many promtaps receive there. */
  sharers: single({
    name: "flow-sharers",
    key: "flow.sharers",
    value: "N",
    default: "1",
    ...NEEDS_LISTEN,
    help: "Number of promtaps that receive at the same addresses; what an exporter sends goes to one of them.",
    parse: wholeNumber(MAX_SHARERS, 1),
  }),
  /** Whose datagrams are taken; null: those of all. */
  exporters: single({
    name: "flow-exporters",
    key: "flow.exporters",
    value: "NETWORK,...",
    ...NEEDS_LISTEN,
    help: "Addresses and networks of exporters; datagrams of others are refused.",
    parse: networksOf,
  }),
  exporterNamesPath: single({
    name: "flow-exporter-names",
    key: "flow.exporter_names",
    value: "FILE",
    ...NEEDS_LISTEN,
    help: "Names of exporters, for hostname: lines with an address and a name, as in /etc/hosts.",
    parse: file,
  }),
  interfaceNamesPath: single({
    name: "flow-interface-names",
    key: "flow.interface_names",
    value: "FILE",
    ...NEEDS_LISTEN,
    help: "Names of exporters' interfaces, before those that they tell: lines with an address, an index and a name.",
    parse: file,
  }),
  sampling: single({
    name: "flow-sampling",
    key: "flow.sampling",
    value: "auto|none|NUMBER",
    default: "auto",
    ...NEEDS_LISTEN,
    help:
      "Multiply bytes and packets of exporters' records by the sampling interval that the exporter tells, not at all, " +
      "or by a number.",
    parse: samplingOf,
  }),
  /** Where ASes come from: the record alone, or else a database. */
  asSource: choice({
    name: "flow-as-source",
    key: "flow.as_source",
    choices: AS_SOURCES,
    default: "record",
    ...NEEDS_LISTEN,
    help: "Take ASes from the record alone, or, if it tells none, from a database of --geoip-db.",
  }),
  /** What counts of records that tell their direction. */
  direction: choice({
    name: "flow-direction",
    key: "flow.direction",
    choices: COUNTED_DIRECTIONS,
    default: "auto",
    ...NEEDS_LISTEN,
    help:
      "Of exporters' records that tell their direction, count those of packets that come in, that go out, or both; auto " +
      "counts a packet once that is reported in both.",
  }),
};

export type UdpConfig = Values<typeof UDP_FLAGS>;

/** What is received; null if nothing is. */
export function udpOf(values: UdpConfig, given: GivenFlags): UdpConfig | null {
  const { listen, sharers, exporters, exporterNamesPath, interfaceNamesPath, sampling, asSource, direction } = values;
  if (listen.length === 0) return null;
  if (asSource === "database" && !given.has("geoip-db")) {
    throw usageError("--flow-as-source=database needs --geoip-db with a file of AS numbers (.mmdb)");
  }
  return { listen, sharers, exporters, exporterNamesPath, interfaceNamesPath, sampling, asSource, direction };
}

function listenAddressOf(text: string, spelling: string): ListenAddress {
  const [, bracketed, plain = "", port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]*)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const address = parseAddress(host);
  const isLegal = bracketed === undefined ? host === "" || address?.version === 4 : address?.version === 6;
  if (port === undefined || Number(port) > MAX_PORT || !isLegal) {
    throw illegal(spelling, text, ":PORT, IPV4:PORT or [IPV6]:PORT, as in :2055");
  }
  return { name: text, host: address === null ? undefined : addressBytes(address), port: Number(port) };
}

function addressBytes({ version, value }: Address): number[] {
  const length = version === 4 ? 4 : 16;
  return Array.from({ length }, (_, k) => Number((value >> BigInt(8 * (length - 1 - k))) & 0xffn));
}

function samplingOf(text: string, spelling: string): Sampling {
  if (text === "auto" || text === "none") return text;
  if (/^[0-9]{1,7}$/.test(text) && Number(text) >= 1 && Number(text) <= MAX_SAMPLING) return Number(text);
  throw illegal(spelling, text, `auto, none, or a number from 1 to ${MAX_SAMPLING}`);
}
