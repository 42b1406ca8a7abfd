/**
 * Fetches Apache Kafka, as the tests run it, from Maven Central: `node scripts/kafka.ts`. Does nothing if it is
 * there already; fails in one line when Maven Central cannot be reached.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { messageOf } from "../src/errors.ts";
import jars from "./kafka-jars.json" with { type: "json" };
import { cache, run } from "./project.ts";

/** The identifier that Maven gives to its Central repository, and its address. */
const CENTRAL = "central";
const CENTRAL_URL = "https://repo.maven.apache.org/maven2";

const jarFolder = join(cache, "kafka");

/** The jars of Kafka, of all that it needs to run, and of its command-line tools, whether they are there or not. */
export const kafkaJars: readonly string[] = Object.keys(jars).map((coordinates) => pathOf(jarFolder, coordinates));

/** Whether everything was fetched. A jar gets its name only when its checksum was right. */
export function isKafkaFetched(): boolean {
  return kafkaJars.every((path) => existsSync(path));
}

/** Fetches what a folder lacks of these jars (coordinates → SHA-512), all at once. Throws in one line. */
export function fetchJars(wanted: Readonly<Record<string, string>>, repository: string, folder: string): void {
  const missing = Object.entries(wanted).filter(([coordinates]) => !existsSync(pathOf(folder, coordinates)));
  if (missing.length === 0) return;
  mkdirSync(folder, { recursive: true });
  const downloads = missing.flatMap(([coordinates]) => [
    "--output",
    unfinished(pathOf(folder, coordinates)),
    `${repository}/${remotePathOf(coordinates)}`,
  ]);
  const patience = "--connect-timeout 20 --max-time 300 --retry 3 --retry-delay 1 --retry-all-errors".split(" ");
  const manner = ["--fail", "--location", "--no-progress-meter", "--parallel"];
  try {
    run("curl", [...manner, ...patience, ...downloads]);
    for (const [coordinates, sha512] of missing) accept(coordinates, sha512, pathOf(folder, coordinates));
  } finally {
    for (const [coordinates] of missing) rmSync(unfinished(pathOf(folder, coordinates)), { force: true });
  }
}

/** Where Maven's settings say that Maven Central is to be fetched from: their first mirror of it, else itself. */
export function repositoryOf(settings: string): string {
  const plain = settings.replaceAll(/<!--[\s\S]*?-->/g, "");
  for (const [, mirror = ""] of plain.matchAll(/<mirror>([\s\S]*?)<\/mirror>/g)) {
    const element = (name: string): string => new RegExp(`<${name}>\\s*(.*?)\\s*</${name}>`).exec(mirror)?.[1] ?? "";
    if (element("blocked") === "true" || !isMirrorOfCentral(element("mirrorOf"))) continue;
    return element("url").replace(/\/$/, "");
  }
  return CENTRAL_URL;
}

/** Reads a `mirrorOf` of Maven's settings: names and patterns, of which an exclusion wins. */
function isMirrorOfCentral(mirrorOf: string): boolean {
  const patterns = mirrorOf.split(",").map((pattern) => pattern.trim());
  return !patterns.includes(`!${CENTRAL}`) && ["*", "external:*", CENTRAL].some((name) => patterns.includes(name));
}

function accept(coordinates: string, sha512: string, path: string): void {
  if (!existsSync(unfinished(path))) throw new Error(`the repository has no ${coordinates}`);
  const found = createHash("sha512")
    .update(readFileSync(unfinished(path)))
    .digest("hex");
  if (found !== sha512) throw new Error(`${coordinates} is not the jar that was pinned: its SHA-512 is ${found}`);
  renameSync(unfinished(path), path);
}

function pathOf(folder: string, coordinates: string): string {
  const [, artifact, version] = coordinates.split(":");
  return join(folder, `${artifact}-${version}.jar`);
}

/** Of this process, so that two that fetch at once do not meet. */
function unfinished(path: string): string {
  return `${path}.${process.pid}.part`;
}

function remotePathOf(coordinates: string): string {
  const [group = "", artifact, version] = coordinates.split(":");
  return `${group.replaceAll(".", "/")}/${artifact}/${version}/${artifact}-${version}.jar`;
}

function readSettings(): string {
  const path = join(homedir(), ".m2/settings.xml");
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

if (import.meta.main) {
  try {
    fetchJars(jars, repositoryOf(readSettings()), jarFolder);
  } catch (error) {
    console.error(`couldn't fetch Kafka: ${messageOf(error)}`);
    process.exitCode = 1;
  }
}
