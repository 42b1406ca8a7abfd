import { type FileFlags, readFlags } from "../../../src/config/file/read-flags.ts";
import { parseYaml } from "../../../src/config/file/parse.ts";
import { ALL_FLAGS } from "../../../src/daemon/config.ts";
import { PromtapError } from "../../../src/errors.ts";

/** What a file of this text says; throws like the program. */
export function read(text: string, path = "/etc/p.yml"): FileFlags {
  const root = parseYaml(text);
  if ("why" in root) throw new PromtapError("USAGE", `${path}:${root.at.line}:${root.at.column}: ${root.why}`);
  return readFlags(path, root, ALL_FLAGS);
}

/** Long names → texts. */
export function textsOf(flags: FileFlags): Record<string, string[]> {
  return Object.fromEntries([...flags.texts].map(([name, texts]) => [name, texts.map(({ text }) => text)]));
}
