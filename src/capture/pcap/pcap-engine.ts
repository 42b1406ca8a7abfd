import { type CapModule, loadCap } from "../../native/cap.ts";
import { Packet } from "../../packet/packet.ts";
import { parseFrame } from "../../packet/parse.ts";
import { type Engine, type EngineKind, EngineName, type FrameSink } from "../engine.ts";
import { type Filter, openPcapTap, probePcap } from "./pcap-tap.ts";

/** libpcap with a filter expression: portable, and dear: about 2 µs a frame. For small volumes. */
export function pcapKind(filter: string): EngineKind {
  return pcapKindOf((interfaceName, ledger) => openPcapEngine(interfaceName, filter, ledger.sink));
}

/** A kind of engines that libpcap feeds, whatever they do with the frames. */
export function pcapKindOf<Sink>(open: (interfaceName: string, sink: Sink) => Engine): EngineKind<Sink> {
  return {
    name: EngineName.PCAP,
    // libuv stops to watch a socket that reports an error, which a packet socket does when its interface goes down.
    survivesDown: false,
    needs: ["CAP_NET_RAW"],
    keeps: ["CAP_NET_RAW"],
    probe: probePcap,
    open: (link, sink) => open(link.name, sink),
  };
}

/** The filter of traffic. */
export function pcapFilter(expression: string): Filter {
  return { flag: "pcap.filter", expression };
}

/** Counts the frames of an interface that is up and that match `filter`, as `openPcapTap` says. */
export function openPcapEngine(
  interfaceName: string,
  filter: string,
  sink: FrameSink,
  module: CapModule = loadCap(),
): Engine {
  const packet = new Packet();
  const take = (linkType: number, bytes: Uint8Array, capturedBytes: number): void => {
    parseFrame(packet, linkType, bytes, 0, capturedBytes, capturedBytes);
    sink.record(packet);
  };
  return openPcapTap(interfaceName, pcapFilter(filter), take, module);
}
