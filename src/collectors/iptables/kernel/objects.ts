import { NLM_F_DUMP, walkAttributes } from "../../../native/netlink.ts";
import { type Counter, counterIn, type Quota, quotaIn } from "./counters.ts";
import { familyName, messageType, NFGENMSG_BYTES, nfTablesRequest, numberIn, textIn } from "./nf-tables.ts";

const NFT_MSG_GETOBJ = messageType(19);

const NFTA_OBJ_TABLE = 1;
const NFTA_OBJ_NAME = 2;
const NFTA_OBJ_TYPE = 3;
const NFTA_OBJ_DATA = 4;
const NFT_OBJECT_COUNTER = 1;
const NFT_OBJECT_QUOTA = 2;

/** A counter or quota that has a name; any other object has neither. */
export interface KernelObject {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly counter: Counter | undefined;
  readonly quota: Quota | undefined;
}

export function objectsRequest(): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETOBJ, NLM_F_DUMP);
}

export function objectIn(bytes: Uint8Array, from: number, to: number): KernelObject {
  let [table, name, kind] = ["", "", 0];
  let counter: Counter | undefined;
  let quota: Quota | undefined;
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type === NFTA_OBJ_TABLE) table = textIn(bytes, start, end);
    else if (type === NFTA_OBJ_NAME) name = textIn(bytes, start, end);
    else if (type === NFTA_OBJ_TYPE) kind = numberIn(bytes, start, end);
    // The type comes before the data (nf_tables_fill_obj_info in net/netfilter/nf_tables_api.c).
    else if (type === NFTA_OBJ_DATA && kind === NFT_OBJECT_COUNTER) counter = counterIn(bytes, start, end);
    else if (type === NFTA_OBJ_DATA && kind === NFT_OBJECT_QUOTA) quota = quotaIn(bytes, start, end);
  });
  return { family: familyName(bytes[from]!), table, name, counter, quota };
}
