import { choice, illegal, single, toggle, usageError } from "./flag.ts";
import { section, type ValueOf } from "./section.ts";

export const ENGINES = ["auto", "bpf", "tcx", "ring", "pcap"] as const;
/** Engines that learn from the kernel which frames stand for several packets on the wire, and how they were merged. */
export const WIRE_SIZE_ENGINES = ["bpf", "tcx", "ring"] as const satisfies readonly (typeof ENGINES)[number][];
/** Engines that have a socket on an interface, which makes that promiscuous. */
const PROMISCUOUS_ENGINES = ["bpf", "ring", "pcap"] as const satisfies readonly (typeof ENGINES)[number][];
/** Engines that count by a program in the kernel; auto tries one of them first. */
const PROGRAM_ENGINES = ["auto", "bpf", "tcx"] as const satisfies readonly (typeof ENGINES)[number][];

const INSTEAD_OF_LIVE = "a file is counted instead of live traffic";

const FLAGS = {
  engine: choice({
    name: "engine",
    isOfTraffic: true,
    key: "engine",
    choices: ENGINES,
    default: "auto",
    help:
      "bpf counts in the kernel; tcx likewise, at less cost, and in the way of the traffic; ring reads the kernel's " +
      "packet ring; pcap goes through libpcap. auto takes the first of bpf, ring and pcap that works.",
  }),
  /** Filter expression of libpcap for the pcap engine; "" lets everything through. */
  filter: single({
    name: "pcap.filter",
    isOfTraffic: true,
    key: "pcap.filter",
    value: "EXPRESSION",
    needs: ["engine=pcap"],
    why: "no other engine has a filter",
    help: "Count only what passes this filter, see pcap-filter(7). Needs --engine=pcap.",
    parse: String,
  }),
  /** Count the packets that were on the wire, if the kernel shows several of them as one frame. */
  wireSizes: toggle({
    name: "wire-sizes",
    isOfTraffic: true,
    key: "wire_sizes",
    needs: ["engine=auto", ...WIRE_SIZE_ENGINES.map((name) => `engine=${name}`)],
    why: "others can't tell how frames were merged",
    excludes: { read: "a file does not tell how frames were merged" },
    help:
      "Count packets as they are on the wire, if the kernel shows several TCP or UDP packets as one large frame " +
      `(GRO, TSO). Engines that can: ${WIRE_SIZE_ENGINES.join(", ")}.`,
  }),
  /** Count frames to other MAC addresses too. */
  isPromiscuous: toggle({
    name: "promiscuous",
    isOfTraffic: true,
    key: "promiscuous",
    needs: ["engine=auto", ...PROMISCUOUS_ENGINES.map((name) => `engine=${name}`)],
    why: "tcx has no socket to turn an interface with; with tcx: ip link set dev NAME promisc on",
    excludes: { read: "a file has what was captured" },
    help:
      "Count frames to other MAC addresses too, such as those of a mirror port, for as long as promtap runs. pcap " +
      `does so anyhow. Engines that can: ${PROMISCUOUS_ENGINES.join(", ")}.`,
  }),
  /** Count the packets that tunnels carry instead of those that carry them. */
  opensTunnels: toggle({
    name: "inner",
    isOfTraffic: true,
    key: "inner",
    excludes: { "wire-sizes": "merged packets in a tunnel don't tell how they were merged" },
    help:
      "Count packets in tunnels (VXLAN, Geneve, GRE, IPIP, SIT, ERSPAN, GTP-U) for the addresses inside, in place of " +
      "the packets that carry them.",
  }),
  /** Keep the capabilities that are not needed once capture has started. */
  keepCapabilities: toggle({
    name: "keep-capabilities",
    key: "keep_capabilities",
    help: "Keep all capabilities; else those that are not needed any more are given up once capture has started.",
  }),
  /** Print the program of a kernel engine instead of what would run. */
  dumpProgram: toggle({
    name: "dump-program",
    isOfTraffic: true,
    needs: ["check"],
    why: "nothing is counted then",
    excludes: { read: "no program in the kernel counts a file" },
    help: "With --check, print the program that the engine bpf or tcx would load, as annotated assembly, and no more.",
  }),
  /** Savefile to count instead of live traffic, "-" for stdin. */
  readPath: single({
    name: "read",
    key: "read",
    value: "FILE",
    excludes: { interface: INSTEAD_OF_LIVE, engine: INSTEAD_OF_LIVE },
    help: "Count a pcap or pcapng file instead of live traffic; - is standard input.",
    parse(path, spelling) {
      if (path === "") throw illegal(spelling, path, "a pcap or pcapng file, or - for standard input");
      return path;
    },
  }),
};

/** How packets are seen. */
export const captureSection = section("Capture", FLAGS, (values) => {
  const { engine, dumpProgram, filter } = values;
  if (dumpProgram && !PROGRAM_ENGINES.some((name) => name === engine)) {
    throw usageError(`--dump-program needs --engine=bpf or --engine=tcx: ${engine} counts by no program in the kernel`);
  }
  return { ...values, filter: filter ?? "" };
});
export type CaptureConfig = ValueOf<typeof captureSection>;
