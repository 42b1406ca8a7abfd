import { Backend, findPrograms, SYSTEM_FOLDERS } from "../../collectors/iptables/backends.ts";
import type { DropInName } from "../../install/drop-ins.ts";
import type { Config } from "../config.ts";

/** What each engine is given; all that `auto` may choose. */
const OF_ENGINES = {
  auto: "capture-bpf",
  bpf: "capture-bpf",
  tcx: "capture-tcx",
  ring: "capture-ring",
  pcap: "capture-ring",
} as const satisfies Record<Config["engine"], DropInName>;

/** Ports that not everybody may bind: ip_unprivileged_port_start of ip(7). */
const FIRST_FREE_PORT = 1024;

/** Where a service runs. */
export interface Surroundings {
  /** Whether systemd listens for it. */
  readonly hasSocket: boolean;
  /** Whether it is this machine, so that its programs tell what they need. */
  readonly isHere: boolean;
}

/** The drop-ins of the unit that a config needs. */
export async function rightsOf(config: Config, surroundings: Surroundings): Promise<DropInName[]> {
  const { features, listen, readPath } = config;
  const isLive = readPath === null;
  const isWialonLive = isLive && features.wialon !== null;
  const rights = [
    ...(config.isCounted && isLive ? [OF_ENGINES[config.engine]] : []),
    ...(isWialonLive ? ["capture-ring" as const] : []),
    ...(await firewallRights(config, surroundings)),
    ...networkRights(config, surroundings),
    ...(listen.some((address) => address.kind === "unix" && address.group !== null) ? ["socket-group" as const] : []),
  ];
  return [...new Set(rights)].filter((name) => name !== "capture-ring" || !rights.includes("capture-bpf"));
}

async function firewallRights({ features }: Config, { isHere }: Surroundings): Promise<DropInName[]> {
  if (features.iptables === null) return [];
  const { folders } = features.iptables;
  const searched = folders.length > 0 ? folders : SYSTEM_FOLDERS;
  const programs = isHere ? await findPrograms(searched, new AbortController().signal) : [];
  const isLegacy = !isHere || programs.some(({ backend }) => backend === Backend.IPTABLES_LEGACY);
  return isLegacy ? ["firewall", "firewall-legacy"] : ["firewall"];
}

function networkRights({ features, listen }: Config, { hasSocket }: Surroundings): DropInName[] {
  const { flow, produce } = features;
  const bound = [
    ...(hasSocket ? [] : listen.filter((address) => address.kind === "tcp")),
    ...(flow?.udp?.listen ?? []),
  ];
  const isConnected = bound.length > 0 || (flow !== null && flow.kafka !== null) || produce !== null;
  const isLow = bound.some(({ port }) => port > 0 && port < FIRST_FREE_PORT);
  return [
    ...(hasSocket ? (["socket"] as const) : []),
    ...(isConnected ? (["internet"] as const) : []),
    ...(isLow ? (["low-ports"] as const) : []),
  ];
}
