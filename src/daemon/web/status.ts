import { rowAddress } from "../../collectors/row-labels.ts";
import { messageOf } from "../../errors.ts";
import type { StatusSite } from "../../http/site.ts";
import type { Ledger } from "../../ledger/ledger.ts";
import { Ends } from "../../ledger/zones/zone.ts";
import type { Zoning } from "../../ledger/zones/zoning.ts";
import { log } from "../../log.ts";
import { readAsset } from "../../native/asset.ts";
import { type Looking, StatusBoard } from "../../status/board.ts";
import { STATUS_PATHS } from "../../status/page.ts";
import type { Report } from "../../status/report.ts";
import { TopAddresses, TopZones } from "../../status/tops.ts";
import { VERSION } from "../../version.ts";
import type { Config } from "../config.ts";
import type { Parts } from "../parts.ts";
import { Program } from "../program.ts";
import type { ConfigState } from "../../collectors/self.ts";

const FILES = [
  [STATUS_PATHS.style, "status.css", "text/css; charset=utf-8"],
  [STATUS_PATHS.script, "status.js", "text/javascript; charset=utf-8"],
] as const;
const TITLES: Readonly<Record<string, string>> = { country: "countries", asn: "ASes" };

/** The page that tells how the program does; undefined if it is turned off. */
export function statusSite(
  { status, telemetryPath }: Config,
  program: Program,
  configuration: () => ConfigState | undefined,
  parts: Parts,
): StatusSite | undefined {
  if (status === "off") return undefined;
  const template = new TextDecoder().decode(assetOf("status.html"));
  const board = parts.use("status", new StatusBoard(sourceOf(program, configuration), template, telemetryPath));
  const viewOf = (isTrusted: boolean) => status ?? (isTrusted ? "full" : "summary");
  return {
    page: (isTrusted) => board.page(viewOf(isTrusted)),
    data: (isTrusted) => `${JSON.stringify(board.report(viewOf(isTrusted)))}\n`,
    dataPath: STATUS_PATHS.data,
    files: new Map(FILES.map(([path, name, contentType]) => [path, { contentType, body: assetOf(name) }])),
    eventsPath: STATUS_PATHS.events,
    watch: (watcher) =>
      board.watch({
        view: viewOf(watcher.isTrusted),
        send: (event) => watcher.send(event),
        end: () => watcher.end(),
      }),
  };
}

/** Counts by itself, for who looks at nothing else. Throws PromtapError. Resolves with what tells how it does. */
export async function ownStatus(config: Config, signal: AbortSignal, parts: Parts): Promise<() => Report> {
  const program = await Program.start(config, signal, parts);
  await program.started();
  const board = parts.use(
    "status",
    new StatusBoard(
      sourceOf(program, () => undefined),
      "",
      "",
    ),
  );
  return () => board.report("full");
}

function sourceOf(program: Program, configuration: () => ConfigState | undefined) {
  const { ledger, traffic } = program;
  return {
    ledger,
    tops: topsOf(ledger),
    sync: () => traffic.sync(),
    failed: (error: unknown) => log.error("couldn't tell the status", { error: messageOf(error) }),
    state: () => ({
      version: VERSION,
      uptimeSeconds: process.uptime(),
      engine: traffic.engine,
      refusals: traffic.refusals,
      interfaces: traffic.taps(),
      collectors: program.collectorStates(),
      limits: [
        { name: "addresses", used: ledger.addresses.used, limit: ledger.addresses.limit },
        ...ledger.zonings.map((zoning) => ({
          name: titleOf(zoning),
          used: zoning.quota.used,
          limit: zoning.quota.limit,
        })),
      ],
      configuration: configuration(),
    }),
  };
}

function topsOf(ledger: Ledger): Looking[] {
  const addresses = new TopAddresses(ledger, rowAddress);
  return [
    { title: "addresses", isPrivate: true, look: (seconds) => addresses.look(seconds) },
    ...ledger.zonings.map((zoning): Looking => {
      const zones = new TopZones(ledger, zoning, (zone) => nameOf(zoning, zone));
      // Customers may have an address or a name that is nobody else's business.
      return { title: titleOf(zoning), isPrivate: zoning.ends === Ends.BOTH, look: (seconds) => zones.look(seconds) };
    }),
  ];
}

function titleOf({ label }: Zoning): string {
  return TITLES[label] ?? "customers";
}

function nameOf(zoning: Zoning, zone: number): string {
  const description = zoning.descriptionOf(zone);
  return description === "" ? zoning.nameOf(zone) : `${zoning.nameOf(zone)} ${description}`;
}

function assetOf(name: string): Uint8Array {
  const asset = readAsset(name);
  if (asset === undefined) throw new Error(`the binary lacks ${name}`);
  return asset;
}
