import { type CommandLine, type GivenFlags, usageError } from "../config/flag.ts";
import { loadFile } from "../config/file/load.ts";
import { judgeWith, merge } from "../config/file/merge.ts";
import { writeYaml } from "../config/file/write.ts";
import type { FileRead } from "../customers/reading/read-lists.ts";
import { ALL_FLAGS, type Config, configOf } from "./config.ts";

const FILE_FLAG = "config.file";

/** The configuration in force. */
export interface LoadedConfig {
  readonly config: Config;
  /** The flags that it comes to: those of the command line, then those of the file. */
  readonly given: GivenFlags;
  /** What the command line has in another way than the file, a line each. */
  readonly differences: readonly string[];
  /** The configuration file as it was when it was read; undefined: there is none. */
  readonly file: FileRead | undefined;
  /** The same in YAML. */
  yaml(): string;
}

/** Reads the file that the command line names, if there is one, and judges both. Throws a usage error. */
export async function loadConfig(commandLine: CommandLine): Promise<LoadedConfig> {
  const { given } = commandLine;
  const path = given.get(FILE_FLAG)?.at(-1);
  if (path === undefined) {
    return {
      config: configOf(given),
      given,
      differences: [],
      file: undefined,
      yaml: () => writeYaml(ALL_FLAGS, given, []),
    };
  }
  if (path.trim() === "") throw usageError(`invalid --${FILE_FLAG} ""; legal is a file in YAML`);
  const { flags: file, mark } = await loadFile(path, ALL_FLAGS);
  const { given: merged, differences } = merge(commandLine, file, ALL_FLAGS);
  const config = judgeWith(file, given, ALL_FLAGS, () => configOf(merged, file.prefixes));
  return {
    config,
    given: merged,
    differences,
    file: { path, mark },
    yaml: () => writeYaml(ALL_FLAGS, merged, file.prefixes),
  };
}
