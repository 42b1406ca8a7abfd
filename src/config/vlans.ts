import { type GivenFlags, single, usageError, wholeNumber } from "./flag.ts";

/** As many as tags in tags can name. */
const MAX_MAX_VLANS = 4094 * 4095;
/** Engines that can't tell VLANs apart. */
const BLIND_ENGINES = ["bpf", "tcx"];

/** Of whatever tells VLANs apart. */
export const MAX_VLANS = single({
  name: "max-vlans",
  key: "max_vlans",
  value: "N",
  default: "1024",
  needs: ["by=vlan", "customers.by=vlan"],
  help: 'Most VLANs that are told apart, over all interfaces; the rest goes to vlan="other".',
  parse: wholeNumber(MAX_MAX_VLANS),
});

/** Throws a usage error if what was given can't tell VLANs apart, as `flag` asks for. */
export function refuseBlind(given: GivenFlags, flag: string): void {
  const engine = given.get("engine")?.at(-1);
  if (engine !== undefined && BLIND_ENGINES.includes(engine)) {
    throw usageError(
      `--${flag} needs --engine=auto or --engine=ring or --engine=pcap: ${engine} counts an address alike in all VLANs`,
    );
  }
  if (!given.has("dump-program")) return;
  throw usageError(`--dump-program can't be had with --${flag}: no program tells VLANs apart`);
}
