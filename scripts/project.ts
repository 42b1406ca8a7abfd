import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The root of the checkout. */
export const root = join(import.meta.dirname, "..");
/** What builds leave for the next one; never committed. Deleting it is safe. */
export const cache = join(root, ".cache");
export const dist = join(root, "dist");

export const version = readVersion(root);
export const revision = readRevision();
/** When the commit was made, in seconds since 1970: the time of all that is built of it. SOURCE_DATE_EPOCH comes first. */
export const committed = Number(process.env["SOURCE_DATE_EPOCH"] ?? (readGit("log", "-1", "--format=%ct") || 1));

/** Reads the version in the package.json of a folder. */
export function readVersion(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

/** Runs a command in a folder; returns its standard output. Throws with its last words when it fails. */
export function run(command: string, args: readonly string[], cwd: string = root, env = process.env): string {
  try {
    return execFileSync(command, args, {
      cwd,
      env,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 1 << 26,
    });
  } catch (error) {
    const { stderr, code } = error as { stderr?: string; code?: string };
    const lines = (stderr ?? "").split("\n").filter((line) => line.trim() !== "");
    const telling = lines.find((line) => /error|^E:/i.test(line)) ?? lines.at(-1) ?? code ?? "failed";
    throw new Error(`${command}: ${telling.trim()}`, { cause: error });
  }
}

/** Of one length, however many commits a clone has. */
function readRevision(): string {
  return readGit("describe", "--always", "--abbrev=12", "--exclude=*", "--dirty");
}

/** A source archive has no git, and then nothing to say. */
function readGit(...args: readonly string[]): string {
  try {
    return run("git", args).trim();
  } catch {
    return "";
  }
}
