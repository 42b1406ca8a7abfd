import { Field } from "./flow.ts";

/*
 * Information elements of IPFIX, by IANA's names; those up to 127 are the fields of NetFlow v9 (RFC 3954, section 8)
 * as well.
 */
const octetDeltaCount = 1;
const packetDeltaCount = 2;
const protocolIdentifier = 4;
const ipClassOfService = 5;
const tcpControlBits = 6;
const sourceTransportPort = 7;
const sourceIPv4Address = 8;
const ingressInterface = 10;
const destinationTransportPort = 11;
const destinationIPv4Address = 12;
const egressInterface = 14;
const bgpSourceAsNumber = 16;
const bgpDestinationAsNumber = 17;
const postOctetDeltaCount = 23;
const postPacketDeltaCount = 24;
const sourceIPv6Address = 27;
const destinationIPv6Address = 28;
const samplingInterval = 34;
const samplerId = 48;
const samplerRandomInterval = 50;
const vlanId = 58;
const flowDirection = 61;
const interfaceName = 82;
const interfaceDescription = 83;
const octetTotalCount = 85;
const packetTotalCount = 86;
const bgpNextAdjacentAsNumber = 128;
const bgpPrevAdjacentAsNumber = 129;
const initiatorOctets = 231;
const responderOctets = 232;
const dot1qVlanId = 243;
const ingressPhysicalInterface = 252;
const egressPhysicalInterface = 253;
const initiatorPackets = 298;
const responderPackets = 299;
const selectorId = 302;
const samplingPacketInterval = 305;
const samplingPacketSpace = 306;
const samplingSize = 309;
const samplingPopulation = 310;

/** Enterprise number of the elements of the way back, which have the numbers of those of the way there (RFC 5103). */
export const REVERSE_PEN = 29_305;

/** What may fill a field; if a template has several of them, the first here does. */
const SOURCES: readonly (readonly [Field, ...number[]])[] = [
  [Field.BYTES, octetDeltaCount, octetTotalCount, initiatorOctets],
  [Field.PACKETS, packetDeltaCount, packetTotalCount, initiatorPackets],
  [Field.SOURCE_AS, bgpSourceAsNumber],
  [Field.DESTINATION_AS, bgpDestinationAsNumber],
  [Field.INPUT, ingressInterface, ingressPhysicalInterface],
  [Field.OUTPUT, egressInterface, egressPhysicalInterface],
  [Field.REVERSE_BYTES, responderOctets],
  [Field.REVERSE_PACKETS, responderPackets],
  [Field.DIRECTION, flowDirection],
  [Field.INTERVAL, samplingInterval, samplerRandomInterval, samplingPopulation],
  [Field.SAMPLED, samplingPacketInterval, samplingSize],
  [Field.SPACE, samplingPacketSpace],
  [Field.SAMPLER, samplerId, selectorId],
  [Field.PROTOCOL, protocolIdentifier],
  [Field.SOURCE_PORT, sourceTransportPort],
  [Field.DESTINATION_PORT, destinationTransportPort],
  [Field.TOS, ipClassOfService],
  [Field.TCP_FLAGS, tcpControlBits],
  [Field.VLAN, vlanId, dot1qVlanId],
  [Field.POST_BYTES, postOctetDeltaCount],
  [Field.POST_PACKETS, postPacketDeltaCount],
  [Field.PEER_SOURCE_AS, bgpPrevAdjacentAsNumber],
  [Field.PEER_DESTINATION_AS, bgpNextAdjacentAsNumber],
];

/** What does so in options data alone, where a record is of an interface. */
const OPTION_SOURCES: typeof SOURCES = [[Field.NAME, interfaceName, interfaceDescription]];

/** What does so if addresses are asked for. */
const ADDRESS_SOURCES: typeof SOURCES = [
  [Field.SOURCE_IPV4, sourceIPv4Address],
  [Field.DESTINATION_IPV4, destinationIPv4Address],
  [Field.SOURCE_IPV6, sourceIPv6Address],
  [Field.DESTINATION_IPV6, destinationIPv6Address],
];

/** An element that fills a field, and before which others that do. */
export interface Use {
  readonly field: number;
  /** The lowest wins. */
  readonly rank: number;
}

const USES = usesOf(SOURCES);
const ADDRESSED_USES = usesOf([...SOURCES, ...ADDRESS_SOURCES]);
const OPTION_USES = usesOf([...SOURCES, ...OPTION_SOURCES]);
const REVERSE_USES: ReadonlyMap<number, Use> = new Map([
  [octetDeltaCount, { field: Field.REVERSE_BYTES, rank: 0 }],
  [packetDeltaCount, { field: Field.REVERSE_PACKETS, rank: 0 }],
  [octetTotalCount, { field: Field.REVERSE_BYTES, rank: 1 }],
  [packetTotalCount, { field: Field.REVERSE_PACKETS, rank: 1 }],
]);

/** What an element is good for; `enterprise` is 0 for those of IANA. */
export type UseOf = (element: number, enterprise: number) => Use | undefined;

/** Of records of flows, whose addresses nobody asks for. */
export function useOf(element: number, enterprise: number): Use | undefined {
  if (enterprise === 0) return USES.get(element);
  return enterprise === REVERSE_PEN ? REVERSE_USES.get(element) : undefined;
}

/** Of those whose addresses are asked for. */
export function addressedUseOf(element: number, enterprise: number): Use | undefined {
  return enterprise === 0 ? ADDRESSED_USES.get(element) : useOf(element, enterprise);
}

/** Of options data. */
export function optionUseOf(element: number, enterprise: number): Use | undefined {
  return enterprise === 0 ? OPTION_USES.get(element) : useOf(element, enterprise);
}

function usesOf(sources: typeof SOURCES): ReadonlyMap<number, Use> {
  return new Map(
    sources.flatMap(([field, ...elements]) => elements.map((element, rank) => [element, { field, rank }] as const)),
  );
}
