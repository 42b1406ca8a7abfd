import { createServer } from "node:net";
import { bpfKind, tcxKind } from "./capture/bpf/bpf-engine.ts";
import { Capture, type CaptureListener, interfacesOf, isFullName } from "./capture/capture.ts";
import { type EngineKind, EngineName } from "./capture/engine.ts";
import { Links } from "./capture/links.ts";
import { checkFilter, pcapKind } from "./capture/pcap/pcap-engine.ts";
import { ringKind } from "./capture/ring/ring-engine.ts";
import type { FrameReceiver } from "./capture/savefile/file-interfaces.ts";
import { openSavefile, type Savefile } from "./capture/savefile/savefile.ts";
import { selectEngine } from "./capture/select.ts";
import { CollectorSet } from "./collectors/collector.ts";
import { SelfCollector } from "./collectors/self.ts";
import { TrafficCollector, type TrafficSource } from "./collectors/traffic.ts";
import { type Config, WIRE_SIZE_ENGINES } from "./config.ts";
import { messageOf } from "./errors.ts";
import { type ListenAddress, listen } from "./http/listener.ts";
import { startServer } from "./http/server.ts";
import { Ledger } from "./ledger/ledger.ts";
import { RangeTable } from "./ledger/ranges.ts";
import { log } from "./log.ts";
import { type CapabilityName, effectiveCapabilities, keepCapabilities } from "./native/capabilities.ts";
import { errnoText } from "./native/libc.ts";
import { landingPage } from "./page/landing.ts";
import { chooseFormat, CONTENT_TYPE, Format } from "./page/negotiation.ts";
import { makePage } from "./page/page.ts";
import { VERSION } from "./version.ts";

/** How long a page that is printed, not scraped, may take. */
const ONCE_TIMEOUT_MS = 10_000;

/**
 * Builds the parts, connects them, and serves until the signal aborts; then takes them down in reverse. With `once`,
 * prints one page instead of serving. Throws PromtapError.
 */
export async function run(config: Config, signal: AbortSignal): Promise<void> {
  // Not a secret, only different in each process; loading node:crypto would cost 6 ms of the start.
  const seed = Math.floor(Math.random() * 2 ** 31);
  const ledger = new Ledger(new RangeTable(config.ranges), config.maxAddresses, seed);
  await using parts = new AsyncDisposableStack();
  const source = config.readPath === null ? parts.use(startCapture(config, ledger)) : FILE_SOURCE;
  const collectors = new CollectorSet([new SelfCollector(), new TrafficCollector(source, ledger)], logCollector);
  const page = (format: Format, timeoutMs: number) => collectPage(collectors, format, timeoutMs);

  const file = config.readPath === null ? undefined : parts.use(openSavefile(config.readPath, signal));
  if (config.once) {
    await countThenPrint(file, ledger, page);
    return;
  }
  // A pipe is served while it is waited for.
  if (file?.isPipe === false) await file.recognize();
  let isReady = false;
  const server = parts.use(
    await startServer(
      { listen: config.listen, telemetryPath: config.telemetryPath },
      {
        expose(accept, timeoutMs) {
          const format = chooseFormat(accept);
          return { contentType: CONTENT_TYPE[format], chunks: page(format, timeoutMs) };
        },
        landingPage: () => landingPage(config.telemetryPath, VERSION, source.engine, source.taps()),
        ready: () => isReady,
        failed: (error) => log.error("couldn't make the page", { error: messageOf(error) }),
      },
    ),
  );
  if (!config.keepCapabilities) dropCapabilities(source.keeps);
  isReady = true;
  for (const address of server.addresses) log.info("listening", { address });
  const counting = file === undefined ? undefined : countFile(file, ledger);
  // What stands before the damage of a file is served until the end, and the damage decides the exit status.
  counting?.catch(() => {});
  await file?.recognize();
  await aborted(signal);
  await counting;
}

/** Says what `run` would do, one line each, having tried everything but to count. Throws PromtapError. */
export async function check(config: Config): Promise<string[]> {
  const ranges = new RangeTable(config.ranges);
  return [
    ...(config.readPath === null ? checkCapture(config, ranges) : [await checkFile(config.readPath)]),
    `ranges: ${config.ranges.length}, with ${ranges.groups} different sets of labels`,
    `at most ${config.maxAddresses} addresses have series`,
    config.once ? "would print one page" : `would listen on ${(await tryAddresses(config.listen)).join(", ")}`,
  ];
}

/** Probes the engine; with a filter, opens each interface for a moment, because the filter depends on its link type. */
function checkCapture(config: Config, ranges: RangeTable): string[] {
  const { kind, refusals } = selectEngine(config.engine, engineKinds(config, ranges));
  using links = Links.open();
  const captured = interfacesOf(config.interfaces, links.all());
  if (config.filter !== "") {
    for (const link of captured) if (link.isUp) checkFilter(link.name, config.filter);
  }
  const names = captured.map(({ name }) => name).join(", ");
  return [
    `would capture ${names || `nothing yet (waiting for ${config.interfaces.join(", ")})`}`,
    `engine: ${kind.name}`,
    ...refusals.map((refusal) => `refused: ${refusal}`),
    `capabilities needed: ${listed(kind.needs)}; kept after start: ${listed(kind.keeps)}`,
    `capabilities here: ${listed(effectiveCapabilities())}`,
  ];
}

/** A pipe is left to those who would read it. */
async function checkFile(path: string): Promise<string> {
  await using file = openSavefile(path);
  if (!file.isPipe) await file.recognize();
  return `would read ${path}`;
}

/** Listens on all addresses for a moment; returns them as bound. */
async function tryAddresses(addresses: readonly ListenAddress[]): Promise<string[]> {
  await using servers = new AsyncDisposableStack();
  const bound: string[] = [];
  for (const address of addresses) {
    const server = servers.use(createServer((socket) => socket.destroy()));
    bound.push(await listen(server, address));
  }
  return bound;
}

/** What stands in for live capture while a file is read. */
const FILE_SOURCE: Source = { engine: EngineName.SAVEFILE, keeps: [], sync() {}, taps: () => [] };

interface Source extends TrafficSource {
  /** Capabilities that are needed as long as it runs. */
  readonly keeps: readonly CapabilityName[];
}

function startCapture(config: Config, ledger: Ledger): Source & AsyncDisposable {
  const { kind, refusals } = selectEngine(config.engine, engineKinds(config, ledger.ranges));
  for (const refusal of refusals) log.warn("refused", { reason: refusal });
  log.info("capturing", { engine: kind.name, interfaces: config.interfaces.join(",") });
  const capture = new Capture(kind, config.interfaces, ledger, logInterface);
  return {
    engine: kind.name,
    keeps: kind.keeps,
    sync: () => capture.sync(),
    taps: () => capture.taps(),
    [Symbol.asyncDispose]: () => capture[Symbol.asyncDispose](),
  };
}

/** Best first; tcx only where it is asked for, because it sits in the way of the traffic. */
function engineKinds(config: Config, ranges: RangeTable): EngineKind[] {
  const { maxAddresses, wireSizes } = config;
  const kernel = { ranges, maxAddresses, wireSizes, isFixed: config.interfaces.every(isFullName) };
  const kinds = [bpfKind(kernel), ringKind(wireSizes), pcapKind(config.filter)];
  if (config.engine === EngineName.TCX) kinds.push(tcxKind(kernel));
  return wireSizes ? kinds.filter(({ name }) => WIRE_SIZE_ENGINES.includes(name)) : kinds;
}

/** Gives up what is needed no more, now that ports are bound and interfaces are open. */
function dropCapabilities(keeps: readonly CapabilityName[]): void {
  const left = keepCapabilities(keeps);
  if (typeof left === "number") log.warn("couldn't drop capabilities", { error: errnoText(left) });
  else log.debug("dropped capabilities", { left: listed(left) });
}

function listed(names: readonly CapabilityName[]): string {
  return names.join(" ") || "none";
}

type Page = (format: Format, timeoutMs: number) => AsyncGenerator<Uint8Array>;

async function* collectPage(collectors: CollectorSet, format: Format, timeoutMs: number): AsyncGenerator<Uint8Array> {
  const families = await collectors.collect(performance.now() + timeoutMs);
  yield* makePage(families, format);
}

/** Prints the page, of a damaged file too, before the damage is reported. */
async function countThenPrint(file: Savefile | undefined, ledger: Ledger, page: Page): Promise<void> {
  await file?.recognize();
  const counting = file?.count(fileReceiver(ledger));
  await Promise.allSettled([counting]);
  for await (const chunk of page(Format.TEXT, ONCE_TIMEOUT_MS)) await print(chunk);
  await counting;
}

/** Resolves when stdout has taken the bytes, so that their memory may be reused. */
function print(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}

/** Counts a file, and logs how that ended. */
async function countFile(file: Savefile, ledger: Ledger): Promise<void> {
  await file.recognize();
  try {
    await file.count(fileReceiver(ledger));
    log.info("read to the end", { file: file.name });
  } catch (error) {
    log.error("stopped reading", { file: file.name, error: messageOf(error) });
    throw error;
  }
}

function fileReceiver(ledger: Ledger): FrameReceiver {
  return { sinkFor: (name) => ledger.interface(name), warn: (message) => log.warn(message) };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

function logCollector(collector: string, error: string | undefined): void {
  if (error === undefined) log.info("collector works again", { collector });
  else log.error("collector failed", { collector, error });
}

const logInterface: CaptureListener = (name, isOpen, error) => {
  if (error !== undefined) log.error("couldn't capture", { interface: name, error });
  else log.info(isOpen ? "capture started" : "capture stopped", { interface: name });
};
