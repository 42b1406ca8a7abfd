import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** The root of the checkout. */
export const root = join(import.meta.dirname, "..");
/** What builds leave for the next one; never committed. Deleting it is safe. */
export const cache = join(root, ".cache");
export const dist = join(root, "dist");

/** The package of the Node that the binary is made of, with its headers; one for each architecture. */
export const nodePackage = join(root, "node_modules", `node-linux-${process.arch}`);
export const nodeBinary = join(nodePackage, "bin", "node");

export const version = readVersion(root);
export const revision = readRevision();

/** Reads the version in the package.json of a folder. */
export function readVersion(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { version: string };
  return manifest.version;
}

/** Runs a command in a folder; returns its standard output. Throws with its last words when it fails. */
export function run(command: string, args: readonly string[], cwd: string = root): string {
  try {
    return execFileSync(command, args, {
      cwd,
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

/** A source archive has no git, and then no revision. */
function readRevision(): string {
  try {
    return run("git", ["rev-parse", "--short", "HEAD"]).trim();
  } catch {
    return "";
  }
}
