import { NLM_F_DUMP, walkAttributes } from "../../../native/netlink.ts";
import type { KernelChain } from "./chains.ts";
import { type Counter, fillCounter, NFTA_QUOTA_CONSUMED, type Quota, quotaIn } from "./counters.ts";
import { messageType, NFGENMSG_BYTES, nfTablesRequest } from "./nf-tables.ts";

const NFT_MSG_GETRULE = messageType(7);

const NFTA_RULE_TABLE = 1;
const NFTA_RULE_CHAIN = 2;
const NFTA_RULE_HANDLE = 3;
const NFTA_RULE_EXPRESSIONS = 4;
const NFTA_RULE_COMPAT = 5;
const NFTA_RULE_USERDATA = 7;
const NFTA_EXPR_DATA = 2;
/** An expression begins with its name, behind the header of an attribute; its first four bytes tell it from others. */
const HEADER_BYTES = 4;
const NAME_BYTES = 4;

/** What is digested as it is; a comment is user data. */
const STATIC: ReadonlySet<number> = new Set([NFTA_RULE_HANDLE, NFTA_RULE_COMPAT, NFTA_RULE_USERDATA]);

const encoder = new TextEncoder();
const COUNTER = encoder.encode("counter\0");
const QUOTA = encoder.encode("quota\0");
/** When a packet came last. */
const LAST = encoder.encode("last\0");

/** What counts in a rule. */
export class RuleRecord implements Counter {
  /** Tells it from other rules in its place, and from one with other bytes and the same handle, by which it was replaced. */
  digest = 0;
  /** Of several counters the last one counts what all of the rule before it matches. */
  packets = 0;
  bytes = 0;
  readonly quotas: Quota[] = [];
}

/**
 * The request for the rules of a chain, in their order. One for all rules would take twice as long: at each datagram the
 * kernel passes over those before it, in the whole table (__nf_tables_dump_rules in net/netfilter/nf_tables_api.c).
 */
export function rulesRequest({ familyNumber, table, name }: KernelChain): Uint8Array {
  return nfTablesRequest(NFT_MSG_GETRULE, NLM_F_DUMP, familyNumber, [
    [NFTA_RULE_TABLE, table],
    [NFTA_RULE_CHAIN, name],
  ]);
}

/** Fills the record from a message. Hot. */
export function fillRule(rule: RuleRecord, bytes: Uint8Array, from: number, to: number): void {
  rule.digest = 0;
  rule.packets = 0;
  rule.bytes = 0;
  rule.quotas.length = 0;
  walkAttributes(bytes, from + NFGENMSG_BYTES, to, (type, start, end) => {
    if (type === NFTA_RULE_EXPRESSIONS) fillExpressions(rule, bytes, start, end);
    else if (STATIC.has(type)) digest(rule, bytes, start, end);
  });
}

/** Fills the record from the data of an expression. */
type Fill = (rule: RuleRecord, bytes: Uint8Array, from: number, to: number) => void;

/**
 * Digests all but what changes as packets and time pass. An expression is known by the name that it begins with:
 *
 *   list element (nlattr) | name (nlattr) "counter\0" | data (nlattr) ...
 */
function fillExpressions(rule: RuleRecord, bytes: Uint8Array, from: number, to: number): void {
  walkAttributes(bytes, from, to, (_, start, end) => {
    const name = start + HEADER_BYTES;
    const fill = fillOf(bytes, name, end);
    if (fill === digest) {
      digest(rule, bytes, start, end);
      return;
    }
    digest(rule, bytes, name, name + NAME_BYTES);
    walkAttributes(bytes, start, end, (type, dataStart, dataEnd) => {
      if (type === NFTA_EXPR_DATA) fill(rule, bytes, dataStart, dataEnd);
    });
  });
}

/** What an expression of this name is to the record. */
function fillOf(bytes: Uint8Array, from: number, to: number): Fill {
  if (hasName(bytes, from, to, COUNTER)) return fillCounter;
  if (hasName(bytes, from, to, QUOTA)) return fillQuota;
  return hasName(bytes, from, to, LAST) ? fillNothing : digest;
}

function fillQuota(rule: RuleRecord, bytes: Uint8Array, from: number, to: number): void {
  rule.quotas.push(quotaIn(bytes, from, to));
  walkAttributes(bytes, from, to, (type, start, end) => {
    if (type !== NFTA_QUOTA_CONSUMED) digest(rule, bytes, start, end);
  });
}

/** Mixes in bytes, four at once, as FxHash does. Hot. */
function digest(rule: RuleRecord, bytes: Uint8Array, from: number, to: number): void {
  let hash = rule.digest;
  for (let at = from; at < to; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1);
  }
  rule.digest = hash;
}

function fillNothing(): void {}

function hasName(bytes: Uint8Array, from: number, to: number, name: Uint8Array): boolean {
  for (let k = 0; k < name.length; k++) if (from + k >= to || bytes[from + k] !== name[k]) return false;
  return true;
}
