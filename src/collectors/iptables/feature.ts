import { findPrograms, findStandard, NEEDS, type RuleProgram, SYSTEM_FOLDERS } from "./backends.ts";
import { IptablesCollector, type ProgramListener } from "./iptables.ts";
import { ErrorCode, PromtapError } from "../../errors.ts";
import {
  type CapabilityName,
  effectiveCapabilities,
  listCapabilities,
  passOnCapabilities,
} from "../../native/capabilities.ts";
import { errnoText, requireLibc } from "../../native/libc.ts";
import type { FeatureKind, FeatureLog } from "../feature.ts";
import { type IptablesConfig, iptablesSection } from "./section.ts";

/** Counters of the firewall. */
export const iptablesFeature: FeatureKind<IptablesConfig> = {
  section: iptablesSection,
  standsAlone: "iptables",

  async start(config, { signal, log }) {
    const programs = await find(config, signal);
    const collector = new IptablesCollector(programs, config, programListener(log));
    const keeps = needsOf(programs);
    const passed = passOnCapabilities(keeps);
    if (passed < 0) log.warn("couldn't pass on capabilities to programs", { error: errnoText(passed) });
    return {
      collectors: [collector],
      lists: [collector.rules],
      keeps,
      tellsKernelCounts: true,
      [Symbol.asyncDispose]: () => collector[Symbol.asyncDispose](),
    };
  },

  async check(config) {
    const programs = await find(config, new AbortController().signal);
    return [
      ...programs.map(({ backend, family, path }) => `would read ${titleOf(backend, family)} with ${path}`),
      `capabilities needed for the firewall: ${listCapabilities(needsOf(programs))}`,
      `capabilities here: ${listCapabilities(effectiveCapabilities())}`,
    ];
  },
};

/** Finds what there is to read the firewall with; throws if there is nothing, or the kernel can't be asked. */
async function find({ folders, isCompat }: IptablesConfig, signal: AbortSignal): Promise<RuleProgram[]> {
  requireLibc();
  const searched = folders.length > 0 ? folders : SYSTEM_FOLDERS;
  const programs = await (isCompat ? findStandard(searched, signal) : findPrograms(searched, signal));
  if (programs.length > 0) return programs;
  const names = isCompat ? "iptables-save" : "iptables-save, ip6tables-save or nft";
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't find ${names} in ${searched.join(", ")}; install iptables or nftables, or name the folder with --iptables-folder`,
  );
}

function needsOf(programs: readonly RuleProgram[]): CapabilityName[] {
  return [...new Set(programs.flatMap(({ backend }) => NEEDS[backend]))];
}

function programListener(log: FeatureLog): ProgramListener {
  return ({ backend, family, path }, error, stderr) => {
    const fields = {
      backend,
      ...(family !== undefined && { family }),
      program: path,
      ...(stderr !== "" && { stderr }),
    };
    if (error !== undefined) log.error("couldn't read the firewall", { ...fields, error });
    else if (stderr !== "") log.warn("a program had something to say", fields);
    else log.info("the firewall can be read again", fields);
  };
}

function titleOf(backend: string, family: string | undefined): string {
  return family === undefined ? backend : `${backend} for ${family}`;
}
