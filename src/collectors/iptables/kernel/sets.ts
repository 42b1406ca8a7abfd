import { NLM_F_DUMP, walkAttributes } from "../../../native/netlink.ts";
import { familyName, messageType, NFGENMSG_BYTES, nfTablesRequest, numberIn, textIn } from "./nf-tables.ts";

const NFT_MSG_GETSET = messageType(10);
const NFT_MSG_GETSETELEM = messageType(13);

const NFTA_SET_TABLE = 1;
const NFTA_SET_NAME = 2;
const NFTA_SET_FLAGS = 3;
const NFTA_SET_DESC = 9;
const NFTA_SET_HANDLE = 16;
const NFTA_SET_COUNT = 20;
const NFTA_SET_DESC_SIZE = 1;
const NFTA_SET_ELEM_LIST_TABLE = 1;
const NFTA_SET_ELEM_LIST_SET = 2;
const NFTA_SET_ELEM_LIST_ELEMENTS = 3;
const NFTA_SET_ELEM_FLAGS = 3;
const NFT_SET_ANONYMOUS = 0x1;
/** Its elements end by themselves, or packets make new ones. */
const NFT_SET_CHANGES = 0x10 | 0x20;
const NFT_SET_ELEM_INTERVAL_END = 0x1;

/** A set or map. */
export interface KernelSet {
  readonly family: string;
  readonly familyNumber: number;
  readonly table: string;
  readonly name: string;
  /** No other set of the table has it, or ever had. */
  readonly handle: number;
  /** Whether it is a part of a rule. */
  readonly isAnonymous: boolean;
  /** Whether elements come or go without a change of the generation. */
  readonly isChanging: boolean;
  /** Elements it may have, if that is limited. */
  readonly limit: number | undefined;
  /** Elements it has; undefined before Linux 6.16, which does not tell. */
  readonly elements: number | undefined;
}

export function setsRequest(): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETSET, NLM_F_DUMP);
}

export function elementsRequest({ familyNumber, table, name }: KernelSet): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETSETELEM, NLM_F_DUMP, familyNumber, [
    [NFTA_SET_ELEM_LIST_TABLE, table],
    [NFTA_SET_ELEM_LIST_SET, name],
  ]);
}

export function setIn(bytes: Uint8Array, from: number, to: number): KernelSet {
  let [table, name, flags, handle] = ["", "", 0, 0];
  let limit: number | undefined;
  let elements: number | undefined;
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type === NFTA_SET_TABLE) table = textIn(bytes, start, end);
    else if (type === NFTA_SET_NAME) name = textIn(bytes, start, end);
    else if (type === NFTA_SET_FLAGS) flags = numberIn(bytes, start, end);
    else if (type === NFTA_SET_HANDLE) handle = numberIn(bytes, start, end);
    else if (type === NFTA_SET_DESC) limit = sizeIn(bytes, start, end);
    else if (type === NFTA_SET_COUNT) elements = numberIn(bytes, start, end);
  });
  const familyNumber = bytes[from]!;
  const isAnonymous = (flags & NFT_SET_ANONYMOUS) !== 0;
  const isChanging = (flags & NFT_SET_CHANGES) !== 0;
  const place = { family: familyName(familyNumber), familyNumber, table, name, handle };
  return { ...place, isAnonymous, isChanging, limit, elements };
}

function sizeIn(bytes: Uint8Array, from: number, to: number): number | undefined {
  let size: number | undefined;
  walkAttributes(bytes, from, to, (type, start, end) => {
    if (type === NFTA_SET_DESC_SIZE) size = numberIn(bytes, start, end);
  });
  return size;
}

/** How many elements a message of them has. An interval has one more, which is its end. Hot. */
export function elementsIn(bytes: Uint8Array, from: number, to: number): number {
  let count = 0;
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type !== NFTA_SET_ELEM_LIST_ELEMENTS) return;
    walkAttributes(bytes, start, end, (_, elementStart, elementEnd) => {
      if (!isEnd(bytes, elementStart, elementEnd)) count++;
    });
  });
  return count;
}

function isEnd(bytes: Uint8Array, from: number, to: number): boolean {
  let flags = 0;
  walkAttributes(bytes, from, to, (type, start, end) => {
    if (type === NFTA_SET_ELEM_FLAGS) flags = numberIn(bytes, start, end);
  });
  return (flags & NFT_SET_ELEM_INTERVAL_END) !== 0;
}
