import { accessSync, closeSync, constants, existsSync, openSync, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { isKafkaFetched } from "../../scripts/kafka.ts";
import { loadCap } from "../../src/native/cap.ts";
import { GOFLOW2 as GOFLOW2_PATH } from "./goflow2.ts";

/** Where administration tools live, whatever an unprivileged user's PATH says. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Many times what any of them needs. */
const TIMEOUT_MS = 60_000;

/** Stands for the addon of the pcap engine, which some machines cannot build. */
const LIBPCAP = "libpcap";
/** Prometheus's client for Debian's Python, which has a reader of OpenMetrics. */
export const PROMETHEUS_CLIENT = "/usr/lib/python3/dist-packages/prometheus_client";
/** Makes TUN and TAP interfaces. */
const TUN = "/dev/net/tun";
/** Stands for the jars of Kafka, which come from Maven Central, and for a Java to run them. */
const KAFKA = "kafka";
/** A Go module, which `setup.sh` builds. */
const GOFLOW2 = "goflow2";

/**
 * Tells why a test cannot run here, for its `skip` option; false when it can. `"root"` stands for the right to make
 * network namespaces, `"libpcap"` for the pcap engine, `"kafka"` for a broker of its own, anything else for a program or
 * a device. In CI nothing may be skipped that could be there: it throws instead.
 */
export function lacking(...needs: readonly string[]): string | false {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(", ")}`;
  if (!process.env["CI"] || missing.every(isExcused)) return reason;
  throw new Error(`the tests of this file can't be skipped in CI: ${reason}`);
}

/** Options of a test that makes namespaces: skipped if it cannot, ended if it hangs. */
export function liveOptions(...needs: readonly string[]): { skip: string | false; timeout: number } {
  return { skip: lacking("root", "ip", "ethtool", "trafgen", ...needs), timeout: TIMEOUT_MS };
}

/** Options of a test that runs one engine, named as on the command line. */
export function engineOptions(engine: string): { skip: string | false; timeout: number } {
  return engine === "pcap" ? liveOptions(LIBPCAP) : liveOptions();
}

/** A kernel without the driver has no device, whatever anybody does; and not every machine has Go. */
function isExcused(need: string): boolean {
  if (need === GOFLOW2) return !isInstalled("go");
  return need === TUN && !/ tun$/m.test(readFileSync("/proc/misc", "utf8"));
}

function isThere(need: string): boolean {
  if (need === "root") return process.getuid?.() === 0;
  if (need === KAFKA) return isInstalled("java") && isKafkaFetched();
  if (need === TUN) return isOpenable(TUN);
  if (need === GOFLOW2) return isExecutable(GOFLOW2_PATH);
  if (need === PROMETHEUS_CLIENT) return existsSync(PROMETHEUS_CLIENT);
  return need === LIBPCAP ? isLoadable() : isInstalled(need);
}

function isLoadable(): boolean {
  try {
    loadCap();
    return true;
  } catch {
    return false;
  }
}

function isOpenable(path: string): boolean {
  try {
    closeSync(openSync(path, "r+"));
    return true;
  } catch {
    return false;
  }
}

function isInstalled(program: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), ...SYSTEM_FOLDERS];
  return folders.some((folder) => isExecutable(join(folder, program)));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
