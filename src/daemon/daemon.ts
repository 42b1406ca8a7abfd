import { messageOf } from "../errors.ts";
import { type RefusalCounts, Refusals } from "../http/admission/refusals.ts";
import type { ListenAddress } from "../http/listener.ts";
import { type AddressChange, type Server, startServer } from "../http/server.ts";
import { FileWatch } from "../files/watch.ts";
import { log } from "../log.ts";
import { type CapabilityName, keepCapabilities, listCapabilities } from "../native/capabilities.ts";
import { errnoText, trimMemoryInBackground } from "../native/libc.ts";
import { ignoreRealtimeSignals, nameProcess } from "../native/process.ts";
import { type Config, filesOf, mayChange } from "./config.ts";
import { Parts } from "./parts.ts";
import { addressesOf, servesPassed } from "./systemd/passed-sockets.ts";
import { Program } from "./program.ts";
import { countFile, countThenPrint } from "./reading.ts";
import { CurrentSite } from "./web/site.ts";
import { AS_STARTED, type ConfigSource, Reloads } from "./reloads.ts";
import { ServiceManager } from "./systemd/service-manager.ts";
import { CurrentRules, openRules } from "../web/rules.ts";

/** What another config may need, of collectors, engines and ports below 1024. */
const TO_CHANGE = ["CAP_NET_RAW", "CAP_NET_ADMIN", "CAP_BPF", "CAP_PERFMON", "CAP_NET_BIND_SERVICE"] as const;

/**
 * Builds the parts, connects them, and serves until the signal aborts; then takes them down in reverse. With `once`,
 * prints one page instead of serving. Throws PromtapError. `source`: how the configuration is read again.
 */
export async function run(config: Config, signal: AbortSignal, source?: ConfigSource): Promise<void> {
  nameProcess(config.guise?.name ?? "promtap");
  await using parts = new Parts();
  if (config.once) {
    const program = await Program.start(config, signal, parts);
    await program.started();
    await countThenPrint(program.file, program.counters, (format, timeoutMs) => program.page(format, timeoutMs));
    return;
  }
  const manager = parts.use("watchdog", ServiceManager.take(process.env, logUnheard));
  signal.addEventListener("abort", () => manager.stopping(), { once: true });
  // Starting may wait for what never answers; ending does not.
  await Promise.race([serve(config, signal, parts, manager, source), aborted(signal)]);
  await aborted(signal);
}

/** Resolves when all has started. */
async function serve(
  config: Config,
  signal: AbortSignal,
  parts: Parts,
  manager: ServiceManager,
  source?: ConfigSource,
): Promise<void> {
  let reloads: Reloads | undefined;
  const refusals = parts.use("refusals", new Refusals(logRefusals));
  const rules = parts.use("web configuration", new CurrentRules(await openRules(config, logWebFile)));
  const program = await Program.start(config, signal, parts, {
    config: () => reloads?.state ?? AS_STARTED,
    refusals: () => refusals.counts,
    certificateEndsAt: () => rules.current.file?.certificateEndsAt,
  });
  if (signal.aborted) return;
  const { file } = program;
  // A pipe is served while it is waited for.
  if (file?.isPipe === false) await file.recognize();
  let isReady = false;
  const sites = new CurrentSite(config, {
    program,
    configuration: () => reloads?.state,
    reload: async () => reloads?.reload("POST /-/reload") ?? "not started yet",
    site: {
      ready: () => isReady,
      refused: (reason) => refusals.count(reason),
      failed: (error) => log.error("couldn't serve a request", { error: messageOf(error) }),
    },
  });
  parts.use("site", sites);
  const { site, telemetryPath } = sites.current;
  const options = { listen: addressesOf(config), telemetryPath, rules: rules.current.rules };
  const server = parts.use("web server", await startServer(options, site));
  logListening(server.addresses);
  await Promise.race([program.started(), aborted(signal)]);
  giveMemoryBack();
  settle(config.keepCapabilities ? undefined : [...program.keeps, ...(mayChange(config) ? TO_CHANGE : [])]);
  isReady = true;
  if (source !== undefined) {
    reloads = await startReloads(source, config, { program, server, rules, sites, manager }, parts);
  }
  if (!signal.aborted) {
    manager.ready(
      () => program.traffic.beat(),
      () => summaryOf(program, server),
    );
  }
  const counting = file === undefined ? undefined : countFile(file, program.counters);
  // What stands before the damage of a file is served until the end, and the damage decides the exit status.
  counting?.catch(() => {});
  parts.use("reading", { [Symbol.asyncDispose]: async () => (signal.aborted ? counting : undefined) });
  await file?.recognize();
}

/** What another config changes. */
interface Running {
  readonly program: Program;
  readonly server: Server;
  readonly rules: CurrentRules;
  readonly sites: CurrentSite;
  readonly manager: ServiceManager;
}

/** Reads the configuration again from now on, when it is asked to, or when a file changes. */
async function startReloads(source: ConfigSource, config: Config, running: Running, parts: Parts): Promise<Reloads> {
  const watched = (of: Config): string[] => (of.watchesFiles ? filesOf(of) : []);
  const watch = await FileWatch.open(watched(config), {
    changed: async () => void (await reloads.reload("a file changed")),
    failed: (error) => log.error("couldn't watch files", { error: messageOf(error) }),
  });
  parts.use("watch of files", watch);
  const reloads: Reloads = new Reloads(
    () => source.load(),
    async (next) => {
      // What changes while it is read is a change.
      await watch.follow(watched(next));
      // What systemd has passed is served on until the end.
      return apply(next, servesPassed(config) ? addressesOf(config) : next.listen, running);
    },
    running.manager,
  );
  parts.use(
    "requests of reloads",
    source.onRequest((cause) => reloads.reload(cause)),
  );
  return reloads;
}

/** Goes on by another config, or, if that can't be, by the one before. */
async function apply(config: Config, addresses: readonly ListenAddress[], running: Running): Promise<string[]> {
  const { program, server, rules, sites } = running;
  const next = await openRules(config, logWebFile, rules.current);
  const site = sites.prepare(config);
  let listening: AddressChange | undefined;
  try {
    listening = await server.change(addresses, next.rules, site);
    const waiting = await program.apply(config);
    logListening(listening.added);
    await listening.commit();
    await rules.use(next);
    sites.use(site);
    return waiting;
  } catch (error) {
    await listening?.undo();
    await rules.drop(next);
    sites.drop(site);
    throw error;
  } finally {
    giveMemoryBack();
  }
}

/** Once a minute at most. */
function logRefusals(counts: RefusalCounts): void {
  log.warn("refused clients, or ended what they did not go on with", counts);
}

/** What it does, in a line. */
function summaryOf({ traffic }: Program, { addresses }: Server): string {
  const interfaces = traffic.taps().filter(({ isUp }) => isUp).length;
  return `engine ${traffic.engine}, ${interfaces} interfaces up; listening on ${addresses.join(", ")}`;
}

function logUnheard(error: string): void {
  log.warn("couldn't tell systemd what it waits for", { error });
}

function logWebFile(error: string | undefined): void {
  if (error === undefined) log.info("read the web configuration again");
  else log.error("couldn't use the web configuration as it is now", { error });
}

function logListening(addresses: readonly string[]): void {
  for (const address of addresses) log.info("listening", { address });
}

/** Settles to run for long: ignores signals that nothing handles, and drops the rights that are needed no more. */
function settle(keeps: readonly CapabilityName[] | undefined): void {
  try {
    ignoreRealtimeSignals();
    if (keeps !== undefined) dropCapabilities(keeps);
  } catch (error) {
    // Reading a file needs nothing native, and works even if that can't be loaded.
    log.warn("keeps all capabilities", { error: messageOf(error) });
  }
}

/** Gives memory back that was used for a moment, as it is by lists of prefixes. */
function giveMemoryBack(): void {
  try {
    void trimMemoryInBackground();
  } catch (error) {
    log.debug("keeps memory that it freed", { error: messageOf(error) });
  }
}

/** Drops what is needed no more, now that ports are bound and interfaces are open. */
function dropCapabilities(keeps: readonly CapabilityName[]): void {
  const left = keepCapabilities(keeps);
  if (typeof left === "number") log.warn("couldn't drop capabilities", { error: errnoText(left) });
  else log.debug("dropped capabilities", { left: listCapabilities(left) });
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
