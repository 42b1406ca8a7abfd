import type { OtherPaths } from "../http/site.ts";
import type { Family } from "../page/family.ts";

/** How the program looks from outside in place of another one. */
export interface Guise {
  readonly name: string;
  /** Families of the page → their help text; null if it is the same. Others are not shown. */
  readonly families: Readonly<Record<string, string | null>>;
  readonly otherPaths: OtherPaths;
}

/** What programs in Go tell of their process, as far as it makes sense of another runtime. */
export const GO_PROCESS: Guise["families"] = {
  process_cpu_seconds_total: null,
  process_max_fds: null,
  process_open_fds: null,
  process_resident_memory_bytes: null,
  process_start_time_seconds: null,
  process_virtual_memory_bytes: null,
};

/** The families that belong to the guise, with its help texts, as far as they have samples. */
export function disguised(families: readonly Family[], guise: Guise): Family[] {
  return families
    .filter(({ name }) => Object.hasOwn(guise.families, name))
    .filter((family) => !("samples" in family) || family.samples.length > 0)
    .map((family) => {
      const help = guise.families[family.name] ?? family.help;
      return "samples" in family ? { ...family, help } : { ...family, help, isOmittedIfEmpty: true };
    });
}
