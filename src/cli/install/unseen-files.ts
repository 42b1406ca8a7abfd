import { existsSync } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, isAbsolute } from "node:path";
import { type GivenFlags, takesPaths, usageError } from "../../config/flag.ts";
import { ALL_FLAGS } from "../../daemon/config.ts";
import { ErrorCode, PromtapError } from "../../errors.ts";
import { credentialsPath } from "../../install/places.ts";

/** What ProtectHome= and PrivateTmp= of the unit hide. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)\//;
/** What systemd gives to services: LoadCredential= of systemd.exec(5). */
const CREDENTIALS = "/run/credentials/";
const OTHERS_READ = 0o004;

/** Throws PromtapError if flags name a file that the service can't read, or one to write that it can't write. */
export async function refuseUnseen(name: string, given: GivenFlags): Promise<void> {
  const state = given.get("state")?.at(-1) ?? "";
  if (state.includes("/") && !state.startsWith(`/var/lib/${name}/`)) {
    throw usageError(
      `--state ${state}: the service may write in /var/lib/${name} alone, such as /var/lib/${name}/${basename(state)}`,
    );
  }
  for (const [flag, path] of pathsIn(given)) {
    if (!isAbsolute(path)) throw usageError(`--${flag} ${path}: a service needs the whole path`);
    const [hidden] = HIDDEN.exec(path) ?? [];
    if (hidden !== undefined) throw usageError(`--${flag} ${path}: the service has another ${hidden}`);
    if (!path.startsWith(CREDENTIALS)) await refuseUnreadable(flag, path);
    else if (!path.startsWith(`${credentialsPath(name)}/`)) {
      throw usageError(`--${flag} ${path}: of credentials the service sees ${credentialsPath(name)} alone`);
    }
  }
}

/** Copies of secrets that flags name, and that there are not before the service runs. */
export function comingSecrets(given: GivenFlags): string[] {
  return pathsIn(given).flatMap(([, path]) => (path.startsWith(CREDENTIALS) && !existsSync(path) ? [path] : []));
}

function pathsIn(given: GivenFlags): [flag: string, path: string][] {
  const flags = ALL_FLAGS.filter((flag) => takesPaths(flag) && flag.name !== "state");
  return flags.flatMap(({ name }) => (given.get(name) ?? []).map((path): [string, string] => [name, path]));
}

async function refuseUnreadable(name: string, path: string): Promise<void> {
  // what isn't there is told by the check
  const { mode } = await stat(path).catch(() => ({ mode: OTHERS_READ }));
  if ((mode & OTHERS_READ) !== 0) return;
  const advice = "chmod o+r, or LoadCredential= as promtap help install has it";
  throw new PromtapError(
    ErrorCode.HOST,
    `couldn't use --${name} ${path}: the service's user may not read it; ${advice}`,
  );
}
