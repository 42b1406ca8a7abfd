import { NLM_F_DUMP, walkAttributes } from "../../../native/netlink.ts";
import { counterIn } from "./counters.ts";
import { familyName, messageType, NFGENMSG_BYTES, nfTablesRequest, numberIn, textIn } from "./nf-tables.ts";

export const NFT_MSG_NEWTABLE = messageType(0);
const NFT_MSG_GETTABLE = messageType(1);
export const NFT_MSG_NEWCHAIN = messageType(3);
const NFT_MSG_GETCHAIN = messageType(4);
const NFT_MSG_GETGEN = messageType(16);

const NFTA_TABLE_NAME = 1;
const NFTA_TABLE_HANDLE = 4;
const NFTA_CHAIN_TABLE = 1;
const NFTA_CHAIN_HANDLE = 2;
const NFTA_CHAIN_NAME = 3;
const NFTA_CHAIN_POLICY = 5;
const NFTA_CHAIN_COUNTERS = 8;
const NFTA_GEN_ID = 1;

/** A table; one of the same name that is made again has another handle. */
export interface KernelTable {
  /** As the page names it, and by its number. */
  readonly family: string;
  readonly familyNumber: number;
  readonly name: string;
  /** 0 before Linux 4.16, which tells none. */
  readonly handle: number;
}

export interface KernelChain {
  readonly family: string;
  readonly familyNumber: number;
  readonly table: string;
  readonly name: string;
  readonly handle: number;
  /** The policy by its number, for packets that no rule decides; undefined for a chain that no hook leads to. */
  readonly policy: number | undefined;
  /** Packets and bytes that no rule decided; 0 if they are not counted. */
  readonly packets: number;
  readonly bytes: number;
}

export function tablesRequest(): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETTABLE, NLM_F_DUMP);
}

export function chainsRequest(): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETCHAIN, NLM_F_DUMP);
}

export function generationRequest(): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETGEN, 0);
}

/** The number that every change of tables, chains, rules and elements changes. */
export function generationIn(bytes: Uint8Array, from: number, to: number): number {
  let generation = 0;
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type === NFTA_GEN_ID) generation = numberIn(bytes, start, end);
  });
  return generation;
}

export function tableIn(bytes: Uint8Array, from: number, to: number): KernelTable {
  let [name, handle] = ["", 0];
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type === NFTA_TABLE_NAME) name = textIn(bytes, start, end);
    else if (type === NFTA_TABLE_HANDLE) handle = numberIn(bytes, start, end);
  });
  const familyNumber = bytes[from]!;
  return { family: familyName(familyNumber), familyNumber, name, handle };
}

export function chainIn(bytes: Uint8Array, from: number, to: number): KernelChain {
  let [table, name, handle] = ["", "", 0];
  let policy: number | undefined;
  let counter = { packets: 0, bytes: 0 };
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type === NFTA_CHAIN_TABLE) table = textIn(bytes, start, end);
    else if (type === NFTA_CHAIN_NAME) name = textIn(bytes, start, end);
    else if (type === NFTA_CHAIN_HANDLE) handle = numberIn(bytes, start, end);
    else if (type === NFTA_CHAIN_POLICY) policy = numberIn(bytes, start, end);
    else if (type === NFTA_CHAIN_COUNTERS) counter = counterIn(bytes, start, end);
  });
  const familyNumber = bytes[from]!;
  return { family: familyName(familyNumber), familyNumber, table, name, handle, policy, ...counter };
}
