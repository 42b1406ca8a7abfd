import { Field, type Flow, FLOW_EGRESS } from "./flow.ts";
import { type HeldBy, HeldSets } from "./held-sets.ts";
import { Ingress } from "./ingress.ts";
import { InterfaceNames, type NameRoom } from "./interface-names.ts";
import { Samplers } from "./samplers.ts";
import { Sequence } from "./sequence.ts";
import type { Template } from "./template.ts";

/** What a datagram speaks. */
export const Protocol = { NETFLOW5: 0, NETFLOW9: 1, IPFIX: 2, SFLOW5: 3 } as const;
export type Protocol = (typeof Protocol)[keyof typeof Protocol];
/** By Protocol, as the page names them. */
export const PROTOCOLS = ["netflow5", "netflow9", "ipfix", "sflow5"] as const;

/**
 * What counts of records that tell their direction: those of packets that come in, those of packets that go out, both, or,
 * if a packet was reported in both, the first alone (`auto`).
 */
export const COUNTED_DIRECTIONS = ["auto", "ingress", "egress", "both"] as const;
export type CountedDirection = (typeof COUNTED_DIRECTIONS)[number];

/** Domains of all exporters together. */
const MAX_DOMAINS = 16_384;
/** Of all domains together: about 100 MB with all there may be in each. */
const MAX_TEMPLATES = 65_536;
const MAX_TEMPLATE_NUMBERS = 4 * 2 ** 20;
const MAX_DOMAINS_PER_EXPORTER = 1024;
/** Names of interfaces, of all domains together: about 30 MB if they are as long as they may be. */
const MAX_INTERFACE_NAMES = 131_072;

/** How records of a template are laid out, and whether they are options data. */
export interface Layout {
  readonly template: Template;
  readonly isOptions: boolean;
}

/** What all exporters share, so that none can take more than there is. */
export class Room implements NameRoom {
  readonly held = new HeldSets();
  domains = 0;
  templates = 0;
  /** Numbers that all templates keep. */
  numbers = 0;
  /** Templates that found no room. */
  refusedTemplates = 0;
  interfaceNames = 0;
  refusedInterfaceNames = 0;
  readonly maxInterfaceNames = MAX_INTERFACE_NAMES;

  hasTemplate(size: number): boolean {
    return this.templates < MAX_TEMPLATES && this.numbers + size <= MAX_TEMPLATE_NUMBERS;
  }

  hasDomain(): boolean {
    return this.domains < MAX_DOMAINS;
  }
}

/** What numbers its datagrams and templates by itself: an engine, a source or an observation domain of an exporter. */
export class Domain {
  readonly protocol: Protocol;
  readonly id: number;
  readonly sequence = new Sequence();
  readonly samplers = new Samplers();
  readonly interfaces: InterfaceNames;
  readonly held: HeldBy = new Map();
  readonly #layouts = new Map<number, Layout>();
  readonly #room: Room;

  constructor(protocol: Protocol, id: number, room: Room) {
    this.protocol = protocol;
    this.id = id;
    this.#room = room;
    this.interfaces = new InterfaceNames(room);
    room.domains++;
  }

  get layouts(): ReadonlyMap<number, Layout> {
    return this.#layouts;
  }

  layout(id: number): Layout | undefined {
    return this.#layouts.get(id);
  }

  /** Keeps a template, in the place of the one before; not if there is no room for it. */
  keep(id: number, layout: Layout): void {
    const room = this.#room;
    this.withdraw(id);
    if (!room.hasTemplate(layout.template.size)) {
      room.refusedTemplates++;
      return;
    }
    this.#layouts.set(id, layout);
    room.templates++;
    room.numbers += layout.template.size;
  }

  /** Takes a record of options data: how it samples, or the name of an interface. */
  learn(flow: Flow, view: DataView, { hasName }: Template): void {
    this.samplers.learn(flow);
    if (!hasName) return;
    const { numbers } = flow;
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
    const index = numbers[Field.INPUT]! || numbers[Field.OUTPUT]!;
    this.interfaces.learn(index, bytes, numbers[Field.NAME]!, numbers[Field.NAME_END]!);
  }

  withdraw(id: number): void {
    const before = this.#layouts.get(id);
    if (before === undefined) return;
    this.#layouts.delete(id);
    this.#room.templates--;
    this.#room.numbers -= before.template.size;
  }

  /** Forgets all templates of options, or all others. */
  withdrawAll(isOptions: boolean): void {
    for (const [id, layout] of this.#layouts) if (layout.isOptions === isOptions) this.withdraw(id);
  }

  /** Gives back all room. */
  leave(): void {
    for (const id of this.#layouts.keys()) this.withdraw(id);
    this.#room.held.drop(this.held);
    this.interfaces.leave();
    this.#room.domains--;
  }
}

/** What is known of one that sends datagrams. */
export class Exporter {
  readonly domains = new Map<number, Domain>();
  /** Records by protocol. */
  readonly records = new Float64Array(PROTOCOLS.length);
  /** The interval that was last told for a record; 0 if none was. */
  interval = 0;
  readonly ingress = new Ingress();
  readonly #room: Room | null;

  /** Without a room it stands for many, of which nothing is kept from one datagram to the next. */
  constructor(room: Room | null) {
    this.#room = room;
  }

  /** Undefined if there is no room for it. */
  domain(protocol: Protocol, id: number): Domain | undefined {
    const key = protocol * 2 ** 32 + id;
    const known = this.domains.get(key);
    if (known !== undefined || this.#room === null) return known;
    if (!this.#room.hasDomain() || this.domains.size >= MAX_DOMAINS_PER_EXPORTER) return undefined;
    const domain = new Domain(protocol, id, this.#room);
    this.domains.set(key, domain);
    return domain;
  }

  /** Whether a record that tells its direction is not to count. Hot; does not allocate. */
  passesOver(flow: Flow, counted: CountedDirection): boolean {
    const isEgress = flow.numbers[Field.DIRECTION] === FLOW_EGRESS;
    if (counted === "auto") return this.#room !== null && this.ingress.repeats(flow, isEgress);
    return counted === (isEgress ? "ingress" : "egress");
  }

  /** Gives back all room. */
  leave(): void {
    for (const domain of this.domains.values()) domain.leave();
    this.domains.clear();
  }
}
