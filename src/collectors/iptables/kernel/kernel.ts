import type { MessageVisitor } from "../../../native/netlink.ts";
import { DumpEnd, type DumpLimits, NetlinkDump } from "../../../native/netlink-dump.ts";
import {
  chainIn,
  chainsRequest,
  generationIn,
  generationRequest,
  type KernelChain,
  type KernelTable,
  tableIn,
  tablesRequest,
} from "./chains.ts";
import { NETLINK_NETFILTER } from "./nf-tables.ts";
import { type KernelObject, objectIn, objectsRequest } from "./objects.ts";
import { fillRule, RuleRecord, rulesRequest } from "./rules.ts";
import { elementsIn, elementsRequest, type KernelSet, setIn, setsRequest } from "./sets.ts";

/*
 * nf_tables of this network namespace, by nfnetlink, which CAP_NET_ADMIN opens. What can't be had whole is undefined:
 * the caller has programs to ask instead, which tell why they can't have it either.
 */

/** How often a dump is taken again that changes tore. */
const ATTEMPTS = 3;

/** The tables and chains there are. */
export interface Outline {
  /** What it was before they were read. */
  readonly generation: number;
  readonly tables: readonly KernelTable[];
  readonly chains: readonly KernelChain[];
}

/** Takes a rule, lent until the next one, and its place in its chain. Hot. */
export type RuleVisitor = (rule: RuleRecord, place: number) => void;

/** Reads a message. */
type Reader<T> = (bytes: Uint8Array, from: number, to: number) => T;

export async function readOutline(limits: DumpLimits): Promise<Outline | undefined> {
  using dump = open();
  const generation = ask(dump);
  const tables = await list(dump, tablesRequest(), limits, tableIn);
  const chains = await list(dump, chainsRequest(), limits, chainIn);
  if (generation === undefined || tables === undefined || chains === undefined) return undefined;
  return { generation, tables, chains };
}

export function readGeneration(): number | undefined {
  using dump = open();
  return ask(dump);
}

/**
 * Visits the rules of the chains, up to one that has no visitor; tells whether the kernel told them all. If rules
 * come or go meanwhile some may be visited twice or not at all: a caller that knows their digests notices.
 */
export async function readRules(
  chains: readonly KernelChain[],
  limits: DumpLimits,
  visitorOf: (chain: KernelChain) => RuleVisitor | undefined,
): Promise<boolean> {
  using dump = open();
  const rule = new RuleRecord();
  for (const chain of chains) {
    const visit = visitorOf(chain);
    if (visit === undefined) return false;
    let place = 0;
    const end = await dump?.run(rulesRequest(chain), limits, (_, bytes, from, to) => {
      fillRule(rule, bytes, from, to);
      visit(rule, place++);
    });
    if (end !== DumpEnd.WHOLE && end !== DumpEnd.TORN) return false;
  }
  return true;
}

/** Counters, quotas and other things that have names. */
export async function readObjects(limits: DumpLimits): Promise<KernelObject[] | undefined> {
  using dump = open();
  return await list(dump, objectsRequest(), limits, objectIn);
}

/** Sets and maps, those that are parts of rules included. */
export async function readSets(limits: DumpLimits): Promise<KernelSet[] | undefined> {
  using dump = open();
  return await list(dump, setsRequest(), limits, setIn);
}

/** How many elements a set has, and whether none came or went meanwhile. */
export interface ElementCount {
  readonly count: number;
  readonly isWhole: boolean;
}

/** Counts the elements of a set: the kernel looks at each, at all once more for every 2,000 of them. */
export async function countElements(set: KernelSet, limits: DumpLimits): Promise<ElementCount | undefined> {
  using dump = open(true);
  let count = 0;
  const add: MessageVisitor = (_, bytes, from, to) => (count += elementsIn(bytes, from, to));
  const end = await dump?.run(elementsRequest(set), limits, add);
  return end === DumpEnd.WHOLE || end === DumpEnd.TORN ? { count, isWhole: end === DumpEnd.WHOLE } : undefined;
}

function open(isInBackground = false): NetlinkDump | undefined {
  const dump = NetlinkDump.open(NETLINK_NETFILTER, isInBackground);
  return typeof dump === "number" ? undefined : dump;
}

function ask(dump: NetlinkDump | undefined): number | undefined {
  let generation: number | undefined;
  const onAnswer: MessageVisitor = (_, bytes, from, to) => (generation = generationIn(bytes, from, to));
  dump?.ask(generationRequest(), onAnswer);
  return generation;
}

async function list<T>(
  dump: NetlinkDump | undefined,
  request: Uint8Array,
  limits: DumpLimits,
  read: Reader<T>,
): Promise<T[] | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS && dump !== undefined; attempt++) {
    const found: T[] = [];
    const end = await dump.run(request, limits, (_, bytes, from, to) => found.push(read(bytes, from, to)));
    if (end === DumpEnd.WHOLE) return found;
    if (end !== DumpEnd.TORN) return undefined;
  }
  return undefined;
}
