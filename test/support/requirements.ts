import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where administration tools live, whatever an unprivileged user's PATH says. */
const SYSTEM_FOLDERS = ["/usr/sbin", "/sbin", "/usr/bin", "/bin"];

/** Many times what any of them needs. */
const TIMEOUT_MS = 60_000;

/**
 * Tells why a test cannot run here, for its `skip` option; false when it can. `"root"` stands for the right to make
 * network namespaces, anything else for a program. In CI nothing may be skipped: it throws instead.
 */
export function lacking(...needs: readonly string[]): string | false {
  const missing = needs.filter((need) => (need === "root" ? process.getuid?.() !== 0 : !isInstalled(need)));
  if (missing.length === 0) return false;
  const reason = `needs ${missing.join(", ")}`;
  if (process.env["CI"]) throw new Error(`the tests of this file can't be skipped in CI: ${reason}`);
  return reason;
}

/** Options of a test that makes namespaces: skipped where it cannot, ended where it hangs. */
export function liveOptions(...programs: readonly string[]): { skip: string | false; timeout: number } {
  return { skip: lacking("root", "ip", "ethtool", "trafgen", ...programs), timeout: TIMEOUT_MS };
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
