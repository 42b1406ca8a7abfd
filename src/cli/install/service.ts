import { resolve } from "node:path";
import { type CommandLine, type GivenFlags, usageError } from "../../config/flag.ts";
import type { Config } from "../../daemon/config.ts";
import { loadConfig, type LoadedConfig } from "../../daemon/loading.ts";
import { streamsOf } from "../../install/units.ts";
import { PERSONALITIES, type PersonalityName } from "../../personalities/personalities.ts";
import { readPart } from "../play.ts";
import { scanCommandLine } from "../scan.ts";

/** What a command line comes to if a unit gives it. */
export interface AskedService {
  readonly config: Config;
  /** In flags of promtap, whatever program it is for. */
  readonly given: GivenFlags;
  /** What the unit is to give. */
  readonly words: readonly string[];
  /** Where systemd is to listen; undefined: the service does. */
  readonly streams: readonly string[] | undefined;
}

const SOCKET_FLAG = "web.systemd-socket";
const FILE_FLAG = "config.file";
const ADDRESS_FLAGS = ["port", "web.listen-address"];
/** What ends, or reads what no service has. */
const NOT_SERVED = ["once", "check", "no-listen", "dump-program", "read", "help", "version"];

/** A service with flags of promtap. `at`: where a path of the machine is here. Throws PromtapError. */
export async function ownService(argv: readonly string[], at: (path: string) => string): Promise<AskedService> {
  const commandLine = withWholePath(scanCommandLine(argv));
  const strange = NOT_SERVED.find((name) => commandLine.given.has(name));
  if (strange !== undefined) throw usageError(`--${strange} is not for a service`);
  const { config, given } = await load(commandLine, at);
  const streams = streamsOf(config.listen);
  const words = wordsOf(streams === undefined ? commandLine : passing(commandLine));
  return { config, given, words, streams };
}

function load({ given, denied }: CommandLine, at: (path: string) => string): Promise<LoadedConfig> {
  return loadConfig({ given: withFile(given, at), denied });
}

/** A service starts in another folder than this one. */
function withWholePath({ given, denied }: CommandLine): CommandLine {
  return { given: withFile(given, (path) => resolve(path)), denied };
}

function withFile(given: GivenFlags, change: (path: string) => string): GivenFlags {
  const path = given.get(FILE_FLAG)?.at(-1);
  return path === undefined || path === "" ? given : new Map([...given, [FILE_FLAG, [change(path)]]]);
}

/** A service with flags of another program, which know of no sockets that are passed: it serves on them anyway. */
export function otherService(name: PersonalityName, argv: readonly string[]): AskedService {
  const read = readPart({ personality: PERSONALITIES[name], argv });
  if (read.asked !== undefined) throw usageError(`--${read.asked} is not for a service`);
  const { config, given } = read;
  return { config, given, words: argv, streams: streamsOf(config.listen) };
}

/** The command line of a service that is passed its sockets, whatever addresses its configuration file has. */
function passing({ given, denied }: CommandLine): CommandLine {
  const kept = [...given].filter(([name]) => !ADDRESS_FLAGS.includes(name));
  return { given: new Map([...kept, [SOCKET_FLAG, [""]]]), denied };
}

function wordsOf({ given, denied }: CommandLine): string[] {
  return [
    ...[...given].flatMap(([name, texts]) => texts.map((text) => (text === "" ? `--${name}` : `--${name}=${text}`))),
    ...[...denied].map((name) => `--${name}=false`),
  ];
}
