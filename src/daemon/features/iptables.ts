import type { Feature } from "../../collectors/collector.ts";
import { findPrograms, findStandard, NEEDS, type Source, SYSTEM_FOLDERS } from "../../collectors/iptables/backends.ts";
import { IptablesCollector, type SourceListener } from "../../collectors/iptables/iptables.ts";
import type { Config } from "../../config/config.ts";
import { ErrorCode, PromtapError } from "../../errors.ts";
import { log } from "../../log.ts";
import {
  type CapabilityName,
  effectiveCapabilities,
  listCapabilities,
  passOnCapabilities,
} from "../../native/capabilities.ts";
import { errnoText } from "../../native/libc.ts";
import type { FeatureContext, FeatureKind } from "./feature.ts";

/** Counters of the firewall. */
export const iptablesKind: FeatureKind = {
  async start(config: Config, { signal }: FeatureContext): Promise<Feature> {
    const programs = await find(config, signal);
    const collector = new IptablesCollector(programs, config.iptables!, logSource);
    const keeps = needsOf(programs);
    const passed = passOnCapabilities(keeps);
    if (passed < 0) log.warn("couldn't pass on capabilities to programs", { error: errnoText(passed) });
    return { collectors: [collector], keeps, [Symbol.asyncDispose]: () => collector[Symbol.asyncDispose]() };
  },

  async check(config: Config): Promise<string[]> {
    const programs = await find(config, new AbortController().signal);
    return [
      ...programs.map(({ backend, family, path }) => `would read ${titleOf(backend, family)} with ${path}`),
      `capabilities needed for the firewall: ${listCapabilities(needsOf(programs))}`,
      `capabilities here: ${listCapabilities(effectiveCapabilities())}`,
    ];
  },
};

/** Finds what there is to read the firewall with; throws where there is nothing. */
async function find(config: Config, signal: AbortSignal): Promise<Source[]> {
  const { folders, isCompat } = config.iptables!;
  const searched = folders.length > 0 ? folders : SYSTEM_FOLDERS;
  const programs = await (isCompat ? findStandard(searched, signal) : findPrograms(searched, signal));
  if (programs.length > 0) return programs;
  const names = isCompat ? "iptables-save" : "iptables-save, ip6tables-save or nft";
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't find ${names} in ${searched.join(", ")}; install iptables or nftables, or name the folder with --iptables-folder`,
  );
}

function needsOf(programs: readonly Source[]): CapabilityName[] {
  return [...new Set(programs.flatMap(({ backend }) => NEEDS[backend]))];
}

const logSource: SourceListener = ({ backend, family, path }, error, stderr) => {
  const fields = { backend, ...(family !== undefined && { family }), program: path, ...(stderr !== "" && { stderr }) };
  if (error !== undefined) log.error("couldn't read the firewall", { ...fields, error });
  else if (stderr !== "") log.warn("a program had something to say", fields);
  else log.info("the firewall can be read again", fields);
};

function titleOf(backend: string, family: string | undefined): string {
  return family === undefined ? backend : `${backend} for ${family}`;
}
