import type { InterfaceLedger } from "../../ledger/interface-ledger.ts";
import { Direction } from "../../ledger/rows.ts";
import { formatIpv4, formatIpv6 } from "../../packet/address.ts";
import { PROTOCOL_COLUMNS, PROTOCOL_LABELS } from "../../packet/protocols.ts";

/** Of some protocols pmacct has another name. */
const PMACCT_PROTOCOLS: Readonly<Record<string, string>> = { encap: "ipv6", icmpv6: "ipv6-icmp" };
/** By column. */
export const PROTOCOLS = PROTOCOL_LABELS.map((label) => PMACCT_PROTOCOLS[label] ?? label);

/** What all records of one making have in common. */
export interface RecordContext {
  /** Name of this host. */
  readonly label: string;
  /** Number of the AS that the addresses in the ranges belong to; 0 if it was not told. */
  readonly ownAs: number;
  /** Interface → the kernel's index of it. */
  readonly indexes: ReadonlyMap<string, number>;
  /** The time in which the difference was counted, in seconds since 1970. */
  readonly from: number;
  readonly until: number;
}

/** What was counted: the whole interface if `row` is undefined, else a cell of a row (see rows.ts). */
export interface Counted {
  readonly ledger: InterfaceLedger;
  readonly row: number | undefined;
  readonly cell: number;
  readonly packets: number;
  readonly bytes: number;
}

/**
 * Makes a record as pmacct would, in JSON. An interface is seen from beside it, in and out alike: both keys for it hold
 * its index. No label of a range has the name of another key; that is judged with the command line.
 */
export function accountingRecord(counted: Counted, context: RecordContext): string {
  const { ledger, row, cell, packets, bytes } = counted;
  const { ranges } = ledger.ranges;
  const index = context.indexes.get(ledger.name);
  return JSON.stringify({
    ...(row === undefined ? {} : Object.fromEntries(ranges[ledger.rows.rangeOf(row)]!.labels)),
    event_type: "purge",
    label: context.label,
    iface: ledger.name,
    ...(index === undefined ? {} : { iface_in: index, iface_out: index }),
    ...(row === undefined ? {} : endOf(ledger, row, cell, context.ownAs)),
    stamp_inserted: timeText(context.from),
    stamp_updated: timeText(context.until),
    packets,
    bytes,
  });
}

/** The keys of the end that is accounted: source of what it sent, destination of what it received. */
function endOf(
  { rows, ranges }: InterfaceLedger,
  row: number,
  cell: number,
  ownAs: number,
): Record<string, string | number> {
  const side = Math.floor(cell / PROTOCOL_COLUMNS) === Direction.TX ? "src" : "dst";
  const protocol = PROTOCOLS[cell % PROTOCOL_COLUMNS]!;
  const { version, rollupBits } = ranges.ranges[rows.rangeOf(row)]!;
  const word = (k: number): number => rows.addressWord(row, k);
  // Without an address, which the row of all refused ones has not, this is what pmacct writes.
  const address = version === 4 ? formatIpv4(word(0)) : formatIpv6(word(0), word(1), word(2), word(3));
  const isWhole = rows.isOther(row) || rollupBits === (version === 4 ? 32 : 128);
  return {
    ...(ownAs === 0 ? {} : { [`as_${side}`]: ownAs }),
    ...(isWhole ? { [`ip_${side}`]: address } : { [`net_${side}`]: address, [`mask_${side}`]: rollupBits }),
    ...(protocol === "" ? {} : { ip_proto: protocol }),
  };
}

/** RFC 3339, as pmacct writes it with timestamps_rfc3339 and timestamps_utc. */
export function timeText(seconds: number): string {
  return new Date(Math.floor(seconds) * 1000).toISOString().replace(".000Z", "Z");
}
