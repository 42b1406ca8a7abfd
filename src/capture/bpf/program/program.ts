import { ErrorCode, PromtapError } from "../../../errors.ts";
import type { RangeTable } from "../../../ledger/ranges.ts";
import * as bpf from "../../../native/bpf.ts";
import type { CapabilityName } from "../../../native/capabilities.ts";
import * as libc from "../../../native/libc.ts";
import { Assembler, JumpTooFarError } from "../assembly/assembler.ts";
import { BPF_FUNC } from "../assembly/helper.ts";
import { r0, r1, r2, r3, r6, r10 } from "../assembly/instruction.ts";
import type { Places } from "../tables/places.ts";
import { type TableSizes, unopenedOffset } from "../tables/table-sizes.ts";
import { bpfRefusal, capabilitiesToLoad, missingCapability } from "../refusal.ts";
import type { VlanMaps } from "../vlans/vlan-layout.ts";
import type { AccountMaps } from "../zones/account-layout.ts";
import type { ZoneMaps } from "../zones/zone-layout.ts";
import { EVENT, type MapFds } from "../layout.ts";
import { writeCounting } from "./count-writer.ts";
import { CountersWriter } from "./counters.ts";
import { writeLink } from "./parsing/link-writer.ts";
import { networkLabels, writeNetwork } from "./parsing/network-writer.ts";
import { tunnelDoors, writeTunnels } from "./parsing/tunnel-writer.ts";
import { PACKET_OUTGOING, SKB_GSO_SIZE, SKB_PKT_TYPE } from "./skb.ts";
import { CONTEXT, FULL_PACKETS, SEGMENT_BYTES } from "./storage.ts";
import { writeTakenVlan } from "./vlan-writer.ts";

/** Where a program runs, and so what it may read and must answer. */
export const Hook = { SOCKET: "socket", TCX: "tcx" } as const;
export type Hook = (typeof Hook)[keyof typeof Hook];

/** What loading asks for. */
function capabilitiesFor(hook: Hook): readonly CapabilityName[] {
  return hook === Hook.TCX ? [...capabilitiesToLoad(), "CAP_NET_ADMIN"] : capabilitiesToLoad();
}

/** What a socket filter keeps of a packet for its socket: nothing. */
const KEEP_NOTHING = 0;
/** Goes on to the next program: anything else would drop or redirect the traffic. */
const TCX_NEXT = -1;

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;

/** linux/errno.h: not for user space, and seen there all the same. */
const ENOTSUPP = 524;
/** Lines of the verifier's log that a person is shown; the last ones say why. */
const SHOWN_LOG_LINES = 3;

export interface ProgramOptions {
  hook: Hook;
  isEthernet: boolean;
  ignoreOutgoing: boolean;
  /** Count the packets that were on the wire, if the kernel shows several of them as one. */
  wireSizes: boolean;
  /** Count the packets inside of tunnels; not with `wireSizes`. */
  opensTunnels: boolean;
  /** What is counted by zone of the remote address, for each way to tell them apart. */
  zones: readonly ZoneMaps[];
  /** What is counted by customer and other end. */
  accounts?: AccountMaps | undefined;
  /** What VLANs of addresses are told apart with; undefined if they are not. */
  vlans?: VlanMaps | undefined;
}

/** What a program counts in. */
export interface ProgramTables {
  readonly fds: MapFds;
  readonly sizes: TableSizes;
}

/** Writes the program that parses and counts the packets of one interface. */
export function writeProgram(
  options: ProgramOptions,
  ranges: RangeTable,
  places: Places,
  { fds, sizes }: ProgramTables,
): Assembler {
  const asm = new Assembler();
  const exits = {
    ipv4: asm.label("count_ipv4"),
    ipv6: asm.label("count_ipv6"),
    notIp: asm.label("count_not_ip"),
    truncated: asm.label("count_truncated"),
    malformed: asm.label("count_malformed"),
    ignored: asm.label("ignored"),
  };
  const { hook, isEthernet, ignoreOutgoing, wireSizes, opensTunnels, zones, accounts, vlans } = options;
  const tellsVlans = vlans !== undefined || accounts?.slots !== undefined;
  const isTcx = hook === Hook.TCX;
  const counters = new CountersWriter(asm, {
    ...sizes,
    countersFd: fds.counters,
    tablesFd: fds.tables,
    stateFd: fds.state,
    unopenedOffset: unopenedOffset(sizes),
    unfolds: wireSizes,
  });
  asm.comment("r6 = context");
  asm.mov(r6, r1);
  if (ignoreOutgoing) {
    asm.comment("loopback: what is sent is received too");
    asm.load(4, r1, r6, SKB_PKT_TYPE);
    asm.jeq(r1, PACKET_OUTGOING, exits.ignored);
  }
  if (tellsVlans) writeTakenVlan(asm);
  writeAggregated(asm, counters, wireSizes);
  const labels = networkLabels(asm);
  const doors = opensTunnels ? tunnelDoors(asm) : undefined;
  writeLink(asm, { isEthernet, hasDirectAccess: isTcx, keepsOffsets: wireSizes || opensTunnels, tellsVlans }, labels);
  writeNetwork(asm, { tablesFd: fds.tables, unfolds: wireSizes, doors }, labels, exits);
  if (doors !== undefined) writeTunnels(asm, { tablesFd: fds.tables, tellsVlans }, counters, doors, exits);
  const result = isTcx ? TCX_NEXT : KEEP_NOTHING;
  writeCounting(
    asm,
    { sizes, fds, ranges, places, unfolds: wireSizes, zones, accounts, vlans, result },
    counters,
    exits,
  );
  return asm;
}

/** Counts a packet that the kernel carries merged, and leaves what unfolding needs on the stack. */
function writeAggregated(asm: Assembler, counters: CountersWriter, unfolds: boolean): void {
  const aggregated = asm.label("aggregated");
  const known = asm.label("link");
  asm.comment("does the packet stand for several, merged or yet to be cut?");
  asm.load(4, r1, r6, SKB_GSO_SIZE);
  if (unfolds) {
    asm.store(8, r10, SEGMENT_BYTES, r1);
    asm.store(8, r10, CONTEXT, r6);
    asm.store(8, r10, FULL_PACKETS, 0);
  }
  asm.jne(r1, 0, aggregated);
  asm.place(known);
  asm.putOff(() => {
    asm.place(aggregated);
    counters.countEvent(EVENT.AGGREGATED);
    asm.jump(known);
  });
}

/** Loads the program and returns its descriptor. Throws PromtapError, whose cause has the verifier's whole log. */
export function loadProgram(
  options: ProgramOptions,
  ranges: RangeTable,
  places: Places,
  tables: ProgramTables & { createChain(): number },
): number {
  const { hook } = options;
  const instructions = refuseFarJumps(() => writeProgram(options, ranges, places, tables).assemble());
  const fd = load(hook, instructions);
  if (hook === Hook.TCX || isTakenBySockets(fd)) return fd;
  const chain = tables.createChain();
  const result = bpf.setElement(chain, 0, fd);
  libc.close(fd);
  if (result < 0) throw notLoaded(bpfRefusal(result, ...capabilitiesFor(hook)));
  return load(hook, assembleChain(chain));
}

/** Has a program finished. Throws PromtapError if it is too long for its jumps. */
export function refuseFarJumps<T>(finish: () => T): T {
  try {
    return finish();
  } catch (error) {
    if (!(error instanceof JumpTooFarError)) throw error;
    throw new PromtapError(ErrorCode.HOST, `too many ranges for one program: ${error.message}`);
  }
}

/**
 * Whether a socket takes a filter of this length: net.core.optmem_max, 20,480 bytes on old kernels and 131,072 on Linux
 * 6.18, bounds what the verifier has made of it (sk_filter_charge in net/core/filter.c). Another program goes on in one
 * that is longer.
 */
function isTakenBySockets(programFd: number): boolean {
  const socket = libc.socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return false;
  const result = bpf.attachToSocket(socket, programFd);
  libc.close(socket);
  return result >= 0;
}

/** A program that goes on in the one that `chain` holds. */
function assembleChain(chain: number): Uint8Array {
  const asm = new Assembler();
  asm.loadMap(r2, chain);
  asm.mov(r3, 0);
  asm.call(BPF_FUNC.TAIL_CALL);
  asm.mov(r0, KEEP_NOTHING);
  asm.exit();
  return asm.assemble();
}

function load(hook: Hook, instructions: Uint8Array): number {
  const type = hook === Hook.TCX ? bpf.BPF_PROG_TYPE_SCHED_CLS : bpf.BPF_PROG_TYPE_SOCKET_FILTER;
  const result = bpf.loadProgram(type, instructions, "promtap");
  if ("fd" in result) return result.fd;
  throw notLoaded(refusal(result.errno, result.log, capabilitiesFor(hook)), new Error(result.log));
}

function notLoaded(why: string, cause?: Error): PromtapError {
  return new PromtapError(ErrorCode.HOST, `couldn't load the program: ${why}`, { cause });
}

function refusal(result: number, log: string, needs: readonly CapabilityName[]): string {
  // Without it the verifier looks at more, and what it says is of that.
  const missing = missingCapability(needs);
  if (missing !== undefined && (log !== "" || result === -libc.errno.E2BIG)) return `${missing} is missing`;
  // The kernel writes some instructions as several: a jump that reached its target may not reach it any more.
  if (log.includes("16-bit range")) return "too many ranges for one program: a jump is too long for the kernel";
  if (result === -libc.errno.E2BIG) return "too many ranges: the verifier gave up before the end";
  if (result === -ENOTSUPP) return "too many ranges: the kernel can't compile it (net.core.bpf_jit_harden?)";
  if (log === "") return bpfRefusal(result, ...needs);
  const lines = log.trimEnd().split("\n").slice(-SHOWN_LOG_LINES).join(" | ");
  return `${libc.errnoText(result)}: the verifier says: ${lines}`;
}
