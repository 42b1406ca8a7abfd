import { openSavefile, type Savefile } from "../capture/savefile/savefile.ts";
import { areComplete, CollectorSet } from "../collectors/collector.ts";
import type { Feature } from "../collectors/feature.ts";
import { SelfCollector } from "../collectors/self.ts";
import { TrafficCollector } from "../collectors/traffic.ts";
import { messageOf } from "../errors.ts";
import type { Selection } from "../http/site.ts";
import { startServer } from "../http/server.ts";
import { Ledger } from "../ledger/ledger.ts";
import { RangeTable } from "../ledger/ranges.ts";
import { log } from "../log.ts";
import { type CapabilityName, keepCapabilities, listCapabilities } from "../native/capabilities.ts";
import { errnoText } from "../native/libc.ts";
import { ignoreRealtimeSignals, nameProcess } from "../native/process.ts";
import type { Family } from "../page/family.ts";
import { landingPage } from "../page/landing.ts";
import { namedFamilies } from "../page/named-families.ts";
import { chooseFormat, CONTENT_TYPE, type Format } from "../page/negotiation.ts";
import { makePage } from "../page/page.ts";
import { VERSION } from "../version.ts";
import { captureLog, type CapturedTraffic, startTraffic } from "./capturing.ts";
import type { Config } from "./config.ts";
import { sharedDatabases } from "./databases.ts";
import { judgeFeatures, startFeatures } from "./features.ts";
import { Parts } from "./parts.ts";
import { countFile, countThenPrint, type FileCounters } from "./reading.ts";
import { warningsOf } from "./warnings.ts";
import { startZones } from "./zones.ts";

const EVERYTHING: Selection = { collect: [], exclude: [], names: [] };

/**
 * Builds the parts, connects them, and serves until the signal aborts; then takes them down in reverse. With `once`,
 * prints one page instead of serving. Throws PromtapError.
 */
export async function run(config: Config, signal: AbortSignal): Promise<void> {
  nameProcess("promtap");
  await using parts = new Parts();
  if (config.once) {
    const { started, file, counters, page } = await build(config, signal, parts);
    await started;
    await countThenPrint(file, counters, page);
    return;
  }
  // Starting may wait for what never answers; ending does not.
  await Promise.race([serve(config, signal, parts), aborted(signal)]);
  await aborted(signal);
}

/** What makes pages. */
interface Program {
  readonly source: CapturedTraffic;
  readonly features: readonly Feature[];
  /** Resolves when everything present at the start is counted. */
  readonly started: Promise<unknown>;
  readonly file: Savefile | undefined;
  readonly counters: FileCounters;
  readonly page: (format: Format, timeoutMs: number, selection?: Selection) => AsyncGenerator<Uint8Array>;
}

async function build(config: Config, signal: AbortSignal, parts: Parts): Promise<Program> {
  judgeFeatures(config.features, config);
  const databases = sharedDatabases(config.geoDatabases);
  const zones = await startZones(config, databases, parts);
  const ranges = new RangeTable(config.ranges);
  for (const warning of warningsOf(config, ranges)) log.warn(warning);
  const ledger = new Ledger(ranges, config.maxAddresses, zones.zonings);
  const source = await startTraffic(config, ledger, parts);
  const host = { ...config, log, signal, ledger, source, databases, captureListener: captureLog };
  const features = await startFeatures(config.features, host, parts);
  const traffic = config.isCounted ? [new TrafficCollector(source, ledger), ...zones.collectors(source, ledger)] : [];
  const collectors = new CollectorSet(
    [new SelfCollector(), ...traffic, ...features.flatMap((feature) => feature.collectors)],
    // Nothing waits for the rest of a page that is printed.
    config.once ? 1 : config.collectorShare,
    logCollector,
  );
  return {
    source,
    features,
    started: Promise.all([source, ...features].map(async (part) => part.started?.())),
    file: config.readPath === null ? undefined : parts.use("file", openSavefile(config.readPath, signal)),
    counters: { ledger, readers: features.flatMap(({ reader }) => reader ?? []) },
    page: (format, timeoutMs, selection = EVERYTHING) => {
      const chosen = collectors.chosen(selection.collect, selection.exclude);
      return collectPage(() => collectors.collect(performance.now() + timeoutMs, chosen), format, selection.names);
    },
  };
}

/** Resolves when all has started. */
async function serve(config: Config, signal: AbortSignal, parts: Parts): Promise<void> {
  const { source, features, started, file, counters, page } = await build(config, signal, parts);
  if (signal.aborted) return;
  // A pipe is served while it is waited for.
  if (file?.isPipe === false) await file.recognize();
  let isReady = false;
  const server = parts.use(
    "web server",
    await startServer(
      { listen: config.listen, telemetryPath: config.telemetryPath },
      {
        expose(accept, timeoutMs, selection) {
          const format = chooseFormat(accept);
          return { contentType: CONTENT_TYPE[format], chunks: page(format, timeoutMs, selection) };
        },
        landingPage: () => landingPage(config.telemetryPath, VERSION, source.engine, source.taps()),
        ready: () => isReady,
        failed: (error) => log.error("couldn't serve a request", { error: messageOf(error) }),
      },
    ),
  );
  for (const address of server.addresses) log.info("listening", { address });
  await Promise.race([started, aborted(signal)]);
  settle(config.keepCapabilities ? undefined : [source, ...features].flatMap(({ keeps }) => keeps));
  isReady = true;
  const counting = file === undefined ? undefined : countFile(file, counters);
  // What stands before the damage of a file is served until the end, and the damage decides the exit status.
  counting?.catch(() => {});
  parts.use("reading", { [Symbol.asyncDispose]: async () => (signal.aborted ? counting : undefined) });
  await file?.recognize();
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

/** Drops what is needed no more, now that ports are bound and interfaces are open. */
function dropCapabilities(keeps: readonly CapabilityName[]): void {
  const left = keepCapabilities(keeps);
  if (typeof left === "number") log.warn("couldn't drop capabilities", { error: errnoText(left) });
  else log.debug("dropped capabilities", { left: listCapabilities(left) });
}

async function* collectPage(
  collect: () => Promise<Family[]>,
  format: Format,
  names: readonly string[],
): AsyncGenerator<Uint8Array> {
  const families = await collect();
  yield* makePage(namedFamilies(families, names, areComplete(families)), format);
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function logCollector(collector: string, error: string | undefined): void {
  if (error === undefined) log.info("collector works again", { collector });
  else log.error("collector failed", { collector, error });
}
