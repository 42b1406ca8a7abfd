import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import * as libc from "../../native/libc.ts";
import type { Packet } from "../../packet/packet.ts";
import { openTunnel } from "../../packet/tunnel.ts";
import { type EngineKind, EngineName } from "../engine.ts";
import { openPacketSocket } from "../packet-socket.ts";
import { RingShares } from "../ring/ring-shares.ts";
import { EVERYTHING, INNER_BYTES } from "../ring/snap-filter.ts";
import type { Filter } from "./filter.ts";
import { LiveFilter } from "./live-filter.ts";
import { type PacketRecorder, FilterEngine } from "./filter-engine.ts";

/** What is parsed of a frame to account it, with the longest chain of headers, behind that of a monitor of 802.11. */
const PARSED_BYTES = 512;
/** Likewise with those of a tunnel and in it. */
const OPENED_BYTES = PARSED_BYTES + INNER_BYTES;

/** libpcap's filter in the kernel, and what it lets through counted here: about 0.4 µs a frame. */
export function pcapKind(expression: string, opensTunnels = false): EngineKind {
  const filter = pcapFilter(expression);
  return opensTunnels ? pcapKindOf(filter, recordOpened, OPENED_BYTES) : pcapKindOf(filter, record, PARSED_BYTES);
}

function record({ sink }: InterfaceLedger, packet: Packet): void {
  sink.record(packet);
}

function recordOpened({ sink }: InterfaceLedger, packet: Packet, bytes: Uint8Array, end: number): void {
  openTunnel(packet, bytes, end);
  sink.record(packet);
}

/** A kind of engines that a filter of libpcap feeds, whatever they do with the frames. */
export function pcapKindOf<Sink>(
  filter: Filter,
  record: PacketRecorder<Sink>,
  copiedBytes = EVERYTHING,
  shares = new RingShares(),
): EngineKind<Sink> {
  const live = new LiveFilter(filter, copiedBytes);
  return {
    name: EngineName.PCAP,
    needs: ["CAP_NET_RAW"],
    keeps: ["CAP_NET_RAW"],
    descriptors: 1,
    async probe() {
      try {
        live.requireLegal();
        void libc.closeInBackground(openPacketSocket(undefined, true));
        return undefined;
      } catch (error) {
        // A mistake in an expression is one for every engine.
        if (error instanceof PromtapError && error.code === ErrorCode.USAGE) throw error;
        return messageOf(error);
      }
    },
    open: (link, sink, siblings) =>
      FilterEngine.open({ link, program: live.programFor(link), record, shares }, sink, siblings),
  };
}

/** The filter of traffic. */
export function pcapFilter(expression: string): Filter {
  return { flag: "pcap.filter", expression };
}
