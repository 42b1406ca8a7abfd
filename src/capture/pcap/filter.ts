import { ErrorCode, messageOf, PromtapError } from "../../errors.ts";
import { LINKTYPE_ETHERNET, LINKTYPE_IEEE802_11_RADIOTAP } from "../../packet/link/link-types.ts";

/** An expression of pcap-filter(7), "" lets everything through; and the flag that gave it, for the message. */
export interface Filter {
  readonly flag: string;
  readonly expression: string;
}

/** Some expressions mean something on one kind of link alone. */
const TRIED_LINK_TYPES = [LINKTYPE_ETHERNET, LINKTYPE_IEEE802_11_RADIOTAP];

/**
 * Throws a usage error, with the first reason, if `compile` refuses the expression for every kind of link: then it is
 * a mistake, and not only out of place on some interface.
 */
export function requireLegal(filter: Filter, compile: (linkType: number) => void): void {
  let reason: unknown;
  for (const linkType of TRIED_LINK_TYPES) {
    try {
      compile(linkType);
      return;
    } catch (error) {
      reason ??= error;
    }
  }
  const { flag, expression } = filter;
  const legal = "legal is an expression of pcap-filter(7)";
  throw new PromtapError(
    ErrorCode.USAGE,
    `invalid --${flag} ${JSON.stringify(expression)}: ${messageOf(reason)}; ${legal}`,
    { cause: reason },
  );
}
