import { readdirSync, readFileSync } from "node:fs";
import { posix, resolve } from "node:path";

export const root = resolve(import.meta.dirname, "../..");

export interface SourceFile {
  /** Relative to src/, with slashes. */
  readonly path: string;
  readonly text: string;
  /** What it imports: a path relative to src/, or the name of a package. */
  readonly imports: readonly string[];
}

/** Reads every TypeScript source below src/. */
export function readSources(): SourceFile[] {
  const folder = resolve(root, "src");
  const paths = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  return paths.sort().map((path) => {
    const text = readFileSync(resolve(folder, path), "utf8");
    return { path, text, imports: importsOf(path, text) };
  });
}

/**
 * What a source imports. Reads the text, and may: oxfmt writes every import in one way, and none of the sources has
 * `from "…"` in a string or comment at the end of a line.
 */
export function importsOf(path: string, text: string): string[] {
  const specifiers = [
    ...text.matchAll(/^(?:import|export|\})[^;]*?\bfrom "([^"]+)";$|^import "([^"]+)";$|\bimport\("([^"]+)"\)/gm),
  ];
  return specifiers.map((match) => {
    const specifier = match[1] ?? match[2] ?? match[3]!;
    return specifier.startsWith(".") ? posix.normalize(posix.join(posix.dirname(path), specifier)) : specifier;
  });
}

/** Finds a way along imports that comes back to where it began. */
export function findCycle(sources: readonly Pick<SourceFile, "path" | "imports">[]): string[] | undefined {
  const imports = new Map(sources.map((source) => [source.path, source.imports]));
  const finished = new Set<string>();
  const visit = (path: string, way: readonly string[]): string[] | undefined => {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (finished.has(path)) return undefined;
    for (const next of imports.get(path) ?? []) {
      const cycle = visit(next, [...way, path]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(path);
    return undefined;
  };
  for (const { path } of sources) {
    const cycle = visit(path, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
