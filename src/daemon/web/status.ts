import { rowAddress } from "../../collectors/row-labels.ts";
import { type ConfigState, descriptors } from "../../collectors/self.ts";
import { type CountedList, labelWords, type Limit } from "../../collectors/status.ts";
import { messageOf } from "../../errors.ts";
import type { StatusSite } from "../../http/site.ts";
import type { Accounts } from "../../ledger/accounts/accounts.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { Ends } from "../../ledger/zones/zone.ts";
import { Zoning } from "../../ledger/zones/zoning.ts";
import { log } from "../../log.ts";
import { readAsset } from "../../native/asset.ts";
import { StatusBoard, type StatusSource } from "../../status/board.ts";
import { AccountedCustomerList, AddressList, ZoneList, zoningTitle } from "../../status/lists/traffic-lists.ts";
import { STATUS_PATHS } from "../../status/page/page.ts";
import type { Report } from "../../status/report.ts";
import { VERSION } from "../../version.ts";
import type { Config } from "../config.ts";
import type { Parts } from "../parts.ts";
import { Program } from "../program.ts";

const FILES = [
  [STATUS_PATHS.style, "status.css", "text/css; charset=utf-8"],
  [STATUS_PATHS.script, "status.js", "text/javascript; charset=utf-8"],
] as const;

/** The page that tells how the program does; undefined if it is turned off. */
export function statusSite(
  { status, telemetryPath }: Config,
  program: Program,
  configuration: () => ConfigState | undefined,
): (StatusSite & Disposable) | undefined {
  if (status === "off") return undefined;
  const template = new TextDecoder().decode(assetOf("status.html"));
  const board = new StatusBoard(sourceOf(program, configuration), template, telemetryPath);
  const viewOf = (isTrusted: boolean) => status ?? (isTrusted ? "full" : "summary");
  return {
    page: (isTrusted, wanted) => board.page(viewOf(isTrusted), wanted),
    data: async (isTrusted) => `${JSON.stringify(await board.report(viewOf(isTrusted)))}\n`,
    dataPath: STATUS_PATHS.data,
    files: new Map(FILES.map(([path, name, contentType]) => [path, { contentType, body: assetOf(name) }])),
    eventsPath: STATUS_PATHS.events,
    watch: (watcher) =>
      board.watch({
        view: viewOf(watcher.isTrusted),
        send: (event) => watcher.send(event),
        end: () => watcher.end(),
      }),
    [Symbol.dispose]: () => board[Symbol.dispose](),
  };
}

/** Counts by itself, for who looks at nothing else. Throws PromtapError. Resolves with what tells how it does. */
export async function ownStatus(config: Config, signal: AbortSignal, parts: Parts): Promise<() => Promise<Report>> {
  const program = await Program.start(config, signal, parts);
  await program.started();
  const source = sourceOf(program, () => undefined);
  const board = parts.use("status", new StatusBoard(source, "", ""));
  return () => board.report("full");
}

function sourceOf(program: Program, configuration: () => ConfigState | undefined): StatusSource {
  const { ledger, traffic } = program;
  const ofTraffic = new TrafficLists(program);
  let ofProcess: Limit[] = [];
  return {
    ledger,
    lists: () => [...ofTraffic.all(), ...program.lists()],
    sync() {
      traffic.sync();
      const { open: used, limit } = descriptors();
      ofProcess = used === undefined || limit === undefined ? [] : [{ name: "file descriptors", used, limit }];
    },
    failed: (error: unknown) => log.error("couldn't tell the status", { error: messageOf(error) }),
    state: () => ({
      version: VERSION,
      uptimeSeconds: process.uptime(),
      isCounted: program.isCounted,
      engine: traffic.engine,
      refusals: traffic.refusals,
      interfaces: traffic.taps(),
      collectors: program.collectorStates(),
      limits: [...trafficLimits(program), ...program.limits(), ...ofProcess],
      databases: program.databases().map(({ database, isCurrent }) => ({
        name: database.name,
        builtAt: database.buildEpoch,
        isCurrent,
      })),
      configuration: configuration(),
    }),
  };
}

/** Lists of what is counted of the traffic, or without capture of flows; the same objects as long as it is counted. */
class TrafficLists {
  readonly #ledger: Ledger;
  readonly #ofAddresses: readonly CountedList[];
  #byCounts = new Map<Zoning | Accounts, CountedList>();

  constructor({ ledger, isCounted }: Program) {
    this.#ledger = ledger;
    this.#ofAddresses = isCounted ? [new AddressList(ledger, rowAddress)] : [];
  }

  all(): CountedList[] {
    const { zonings, accounts } = this.#ledger;
    const counts = [...zonings, ...(accounts === undefined ? [] : [accounts])];
    this.#byCounts = new Map(counts.map((each) => [each, this.#byCounts.get(each) ?? this.#listOf(each)]));
    return [...this.#ofAddresses, ...this.#byCounts.values()];
  }

  #listOf(counts: Zoning | Accounts): CountedList {
    const ledger = this.#ledger;
    if (counts instanceof Zoning) return new ZoneList(ledger, counts, (zone) => nameOf(counts, zone));
    return new AccountedCustomerList(ledger, counts, (customer) => nameOf(counts.customers, customer));
  }
}

function trafficLimits({ ledger, isCounted }: Program): Limit[] {
  const { addresses, zonings, accounts } = ledger;
  const of = (name: string, { used, limit }: { used: number; limit: number }): Limit => ({ name, used, limit });
  return [
    ...(isCounted ? [of("addresses", addresses)] : []),
    ...zonings.map((zoning) => of(zoningTitle(zoning), zoning.quota)),
    ...(accounts === undefined ? [] : [of("accounts of customers", accounts.slots.quota)]),
  ];
}

/** Customers are called by their labels. */
function nameOf(zoning: Zoning, zone: number): string {
  const name = zoning.nameOf(zone);
  if (zoning.ends === Ends.BOTH) return labelWords(name);
  const description = zoning.descriptionOf(zone);
  return description === "" ? name : `${name} ${description}`;
}

function assetOf(name: string): Uint8Array {
  const asset = readAsset(name);
  if (asset === undefined) throw new Error(`the binary lacks ${name}`);
  return asset;
}
