import {
  DESTINATION_PORT,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPV4_TOS,
  SOURCE_PORT,
  TCP_FLAGS,
} from "../../packet/headers.ts";
import type { Packet } from "../../packet/packet.ts";
import { ELSEWHERE, transportOffset } from "../../packet/transport.ts";
import { Field } from "../flow.ts";

/**
 * Reads what a parsed packet says behind its addresses: the class of service, ports and flags of TCP, as far as they were
 * captured before `end`; those of a part of a packet stand in another. `bytes` are those of the view. Hot; does not
 * allocate.
 */
export function readTransport(
  packet: Packet,
  view: DataView,
  bytes: Uint8Array,
  end: number,
  numbers: Float64Array,
): void {
  const { networkOffset: network, protocol } = packet;
  numbers[Field.TOS] = packet.version === 4 ? view.getUint8(network + IPV4_TOS) : (view.getUint16(network) >> 4) & 0xff;
  if (protocol !== IPPROTO_TCP && protocol !== IPPROTO_UDP && protocol !== IPPROTO_SCTP) return;
  const offset = transportOffset(packet, bytes, network, end);
  const at = network + offset;
  if (offset === ELSEWHERE || at + DESTINATION_PORT + 2 > end) return;
  numbers[Field.SOURCE_PORT] = view.getUint16(at + SOURCE_PORT);
  numbers[Field.DESTINATION_PORT] = view.getUint16(at + DESTINATION_PORT);
  if (protocol === IPPROTO_TCP && at + TCP_FLAGS < end) numbers[Field.TCP_FLAGS] = view.getUint8(at + TCP_FLAGS);
}
