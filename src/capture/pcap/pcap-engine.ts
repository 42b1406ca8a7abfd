import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import { type CapModule, loadCap } from "../../native/cap.ts";
import { Packet } from "../../packet/packet.ts";
import { parseFrame } from "../../packet/parse.ts";
import { type Engine, type EngineKind, EngineName, type FrameSink } from "../engine.ts";
import { type Filter, openPcapTap, probePcap } from "./pcap-tap.ts";

/** libpcap with a filter expression: portable, and dear: about 2 µs a frame. For small volumes. */
export function pcapKind(filter: string): EngineKind {
  return pcapKindOf((interfaceName, ledger) => {
    let sink: FrameSink = ledger.sink;
    const engine = openPcapEngine(interfaceName, filter, { record: (packet) => sink.record(packet) });
    return Object.assign(engine, { retarget: (next?: InterfaceLedger) => void (sink = next?.sink ?? sink) });
  });
}

/** A kind of engines that libpcap feeds, whatever they do with the frames. */
export function pcapKindOf<Sink>(open: (interfaceName: string, sink: Sink) => Engine<Sink>): EngineKind<Sink> {
  return {
    name: EngineName.PCAP,
    // libuv stops to watch a socket that reports an error, which a packet socket does when its interface goes down.
    survivesDown: false,
    needs: ["CAP_NET_RAW"],
    keeps: ["CAP_NET_RAW"],
    probe: async () => probePcap(),
    open: async (link, sink) => open(link.name, sink),
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
): Engine<unknown> {
  const packet = new Packet();
  const take = (linkType: number, bytes: Uint8Array, capturedBytes: number): void => {
    parseFrame(packet, linkType, bytes, 0, capturedBytes, capturedBytes);
    sink.record(packet);
  };
  return openPcapTap(interfaceName, pcapFilter(filter), take, module);
}
