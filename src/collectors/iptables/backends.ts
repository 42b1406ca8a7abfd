import { accessSync, constants, realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { CapabilityName } from "../../native/capabilities.ts";
import { Program } from "./program.ts";

/** Where rules come from, as the page names it. */
export const Backend = {
  IPTABLES_NFT: "iptables-nft",
  IPTABLES_LEGACY: "iptables-legacy",
  NFTABLES: "nftables",
} as const;
export type Backend = (typeof Backend)[keyof typeof Backend];

/** A program that prints rules and their counters. */
export type RuleProgram = Saver | Nft;

/** iptables-save or one of its kind. */
export interface Saver {
  readonly backend: Exclude<Backend, typeof Backend.NFTABLES>;
  readonly family: IptablesFamily;
  readonly path: string;
}

/** nft, for whatever families there are. */
export interface Nft {
  readonly backend: typeof Backend.NFTABLES;
  readonly family?: undefined;
  readonly path: string;
}

/** Families of iptables, as the page names them. */
export type IptablesFamily = keyof typeof COMMANDS;

const COMMANDS = { ipv4: "iptables", ipv6: "ip6tables" } as const;

/** Where distributions have administration tools; the last is NixOS. */
export const SYSTEM_FOLDERS = [
  "/usr/local/sbin",
  "/usr/sbin",
  "/sbin",
  "/usr/bin",
  "/bin",
  "/run/current-system/sw/bin",
];

/**
 * Whether a program is the system's, and so tells of the kernel's own rules here: one in another folder may be a script
 * that tells of another namespace or host.
 */
export function isOfSystem({ path }: RuleProgram): boolean {
  return SYSTEM_FOLDERS.includes(dirname(path));
}

/** What a program asks of the kernel: iptables-legacy opens a raw socket, and files that only root may read. */
export const NEEDS: Readonly<Record<Backend, readonly CapabilityName[]>> = {
  [Backend.IPTABLES_NFT]: ["CAP_NET_ADMIN"],
  [Backend.IPTABLES_LEGACY]: ["CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_DAC_READ_SEARCH"],
  [Backend.NFTABLES]: ["CAP_NET_ADMIN"],
};

/** Time for a program to say what it is. */
const VERSION_TIMEOUT_MS = 2000;

/** Finds one program for each backend and family that the host has, whatever its names for them. */
export async function findPrograms(folders: readonly string[], signal: AbortSignal): Promise<RuleProgram[]> {
  const sources: RuleProgram[] = [];
  for (const family of ["ipv4", "ipv6"] as const) {
    const command = COMMANDS[family];
    const named: [Saver["backend"], string | undefined][] = [
      [Backend.IPTABLES_NFT, find(folders, `${command}-nft-save`)],
      [Backend.IPTABLES_LEGACY, find(folders, `${command}-legacy-save`)],
    ];
    const own = named.flatMap(([backend, path]) => (path === undefined ? [] : [{ backend, family, path }]));
    // Old systems have no other name; elsewhere it is one of the two again.
    const unnamed = own.length === named.length ? undefined : find(folders, `${command}-save`);
    if (unnamed !== undefined) {
      const saver = { backend: await backendOf(unnamed, signal), family, path: unnamed };
      if (own.every(({ backend }) => backend !== saver.backend)) own.push(saver);
    }
    sources.push(...own);
  }
  const nft = find(folders, "nft");
  return nft === undefined ? sources : [...sources, { backend: Backend.NFTABLES, path: nft }];
}

/** Finds what iptables_exporter runs. */
export async function findStandard(folders: readonly string[], signal: AbortSignal): Promise<Saver[]> {
  const path = find(folders, "iptables-save");
  return path === undefined ? [] : [{ backend: await backendOf(path, signal), family: "ipv4", path }];
}

function find(folders: readonly string[], name: string): string | undefined {
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Tells by the program behind the links, such as xtables-nft-multi, or else by what it says of itself. */
async function backendOf(path: string, signal: AbortSignal): Promise<Saver["backend"]> {
  const name = basename(realpathSync(path));
  if (/nft/.test(name)) return Backend.IPTABLES_NFT;
  if (/legacy|^xtables-multi$/.test(name)) return Backend.IPTABLES_LEGACY;
  let text = "";
  const limits = { deadline: performance.now() + VERSION_TIMEOUT_MS, signal };
  await new Program(path).run(["--version"], (bytes) => (text += Buffer.from(bytes).toString()), limits);
  return text.includes("nf_tables") ? Backend.IPTABLES_NFT : Backend.IPTABLES_LEGACY;
}
