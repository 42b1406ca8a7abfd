import { readdirSync, readFileSync } from "node:fs";
import { counter, type Family, gauge } from "../page/family.ts";
import { REVISION, VERSION } from "../version.ts";
import type { Collector } from "./collector.ts";

/** What became of the last reading of the configuration. */
export interface ConfigState {
  readonly isSuccessful: boolean;
  /** When one was last taken over, in seconds since 1970. */
  readonly succeededAt: number;
}

/** What is known of the program elsewhere in it. */
export interface Surroundings {
  /** What became of its configuration; none if it is read once. */
  readonly config?: () => ConfigState;
  /** How often a client was refused, by reason; none if nothing is served. */
  readonly refusals?: () => Readonly<Record<string, number>>;
  /** When the certificate ends that clients are shown, in seconds since 1970; undefined if none is. */
  readonly certificateEndsAt?: () => number | undefined;
  /** Whether its process is left out. */
  readonly hidesProcess?: () => boolean;
}

/**
 * The program itself: its build and its process. What can't be read, such as for want of descriptors, is left out:
 * prom-client's collectDefaultMetrics shows 0 or the last value then, and of its 33 families 24 are of Node's event loop,
 * heap, garbage collector and the like. So the process is read here, and prom-client writes what was read.
 */
export class SelfCollector implements Collector {
  readonly name = "self";
  readonly #proc: string;
  // rounded once: by a clock that is set meanwhile the process would have started again
  readonly #startSeconds = Math.round(Date.now() / 1000 - process.uptime());

  readonly #surroundings: Surroundings;

  /** `proc`: the folder of the process in proc(5). */
  constructor(surroundings: Surroundings = {}, proc = "/proc/self") {
    this.#surroundings = surroundings;
    this.#proc = proc;
  }

  async collect(): Promise<Family[]> {
    const { config, refusals, certificateEndsAt, hidesProcess } = this.#surroundings;
    return [
      buildInfo(),
      ...configFamilies(config?.()),
      ...refusalFamilies(refusals?.()),
      ...certificateFamilies(certificateEndsAt?.()),
      ...(hidesProcess?.() === true ? [] : this.#process()),
    ];
  }

  #process(): Family[] {
    const start = "Start time of the process since unix epoch in seconds.";
    return [
      ...processorTime(),
      gauge("process_start_time_seconds", start, this.#startSeconds),
      ...this.#memory(),
      ...this.#descriptors(),
    ];
  }

  #memory(): Family[] {
    const status = this.#text("status");
    const gauges: [field: string, name: string, help: string][] = [
      ["VmRSS", "process_resident_memory_bytes", "Resident memory size in bytes."],
      ["VmSize", "process_virtual_memory_bytes", "Virtual memory size in bytes."],
      ["VmData", "process_heap_bytes", "Process heap size in bytes."],
    ];
    return gauges.flatMap(([field, name, help]) => {
      const [, kibibytes] = new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status) ?? [];
      return kibibytes === undefined ? [] : [gauge(name, help, Number(kibibytes) * 1024)];
    });
  }

  #descriptors(): Family[] {
    const { open, limit } = descriptors(this.#proc);
    return [
      ...(open === undefined ? [] : [gauge("process_open_fds", "Number of open file descriptors.", open)]),
      ...(limit === undefined ? [] : [gauge("process_max_fds", "Maximum number of open file descriptors.", limit)]),
    ];
  }

  #text(name: string): string {
    return textOf(`${this.#proc}/${name}`);
  }
}

/** Files and sockets that are open, and how many may be, of what can be read of it. `proc`: as SelfCollector has it. */
export function descriptors(proc = "/proc/self"): { open: number | undefined; limit: number | undefined } {
  const [, limit] = /^Max open files\s+(\d+)/m.exec(textOf(`${proc}/limits`)) ?? [];
  const open = attempt(() => readdirSync(`${proc}/fd`).length);
  return {
    // the one that the list is read by is in it
    open: open === undefined ? undefined : open - 1,
    limit: limit === undefined ? undefined : Number(limit),
  };
}

/** Of all threads, since the process began. */
function processorTime(): Family[] {
  const { user, system } = process.cpuUsage();
  const counters: [name: string, help: string, microseconds: number][] = [
    ["process_cpu_user_seconds_total", "Total user CPU time spent in seconds.", user],
    ["process_cpu_system_seconds_total", "Total system CPU time spent in seconds.", system],
    ["process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", user + system],
  ];
  return counters.map(([name, help, microseconds]) => counter(name, help, microseconds / 1e6));
}

function configFamilies(config: ConfigState | undefined): Family[] {
  if (config === undefined) return [];
  const { isSuccessful, succeededAt } = config;
  return [
    gauge(
      "promtap_config_last_reload_successful",
      "Whether the configuration was taken over when it was last read.",
      isSuccessful ? 1 : 0,
    ),
    gauge(
      "promtap_config_last_reload_success_timestamp_seconds",
      "When a configuration was last taken over, in seconds since unix epoch.",
      succeededAt,
    ),
  ];
}

function refusalFamilies(refusals: Readonly<Record<string, number>> | undefined): Family[] {
  if (refusals === undefined) return [];
  const help = "Connections, requests and pages that were refused, or ended for the sake of others.";
  const samples = Object.entries(refusals).map(([reason, value]) => ({ labels: { reason }, value }));
  return [counter("promtap_web_refused_total", help, samples)];
}

function certificateFamilies(endsAt: number | undefined): Family[] {
  if (endsAt === undefined) return [];
  const help = "When the certificate ends that clients are shown, in seconds since unix epoch.";
  return [gauge("promtap_web_certificate_not_after_timestamp_seconds", help, endsAt)];
}

function buildInfo(): Family {
  const labels = { version: VERSION, revision: REVISION, nodeversion: process.version };
  const help = "Version, commit and runtime that the program was built from.";
  return gauge("promtap_build_info", help, [{ labels, value: 1 }]);
}

function textOf(path: string): string {
  return attempt(() => readFileSync(path, "latin1")) ?? "";
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
