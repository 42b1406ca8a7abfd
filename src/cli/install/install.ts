import { readFile } from "node:fs/promises";
import { isSea } from "node:sea";
import { usageError, wholeNumber } from "../../config/flag.ts";
import { check } from "../../daemon/check.ts";
import type { Config } from "../../daemon/config.ts";
import { judgeFeatures } from "../../daemon/features.ts";
import { rightsOf } from "../../daemon/systemd/rights.ts";
import { install } from "../../install/install.ts";
import { Machine, type WantedFile } from "../../install/machine.ts";
import { type Options, readOptions } from "../../install/options.ts";
import { refusal } from "../../install/permission.ts";
import { BINARY, COMPLETIONS, MAN_PAGE } from "../../install/places.ts";
import { readProgram } from "../../install/program-file.ts";
import { uninstall } from "../../install/uninstall.ts";
import { upgrade } from "../../install/upgrade.ts";
import { isPersonality, PERSONALITIES } from "../../personalities/personalities.ts";
import { VERSION } from "../../version.ts";
import { type Shell, SHELLS } from "../completions.ts";
import { finishFirst } from "../signals.ts";
import { otherService, ownService } from "./service.ts";
import { comingSecrets, refuseUnseen } from "./unseen-files.ts";
import { INSTALL_WORDS, UNINSTALL_WORDS, UPGRADE_WORDS, USUAL_WAIT_SECONDS } from "./words.ts";

const MAX_WAIT_SECONDS = 3600;

/** What the program carries of itself. */
export interface Documents {
  readonly manPage: (version: string) => string;
  readonly completion: (shell: Shell) => string;
}

/** What `promtap install` does. Throws PromtapError. */
export async function installService(argv: readonly string[], documents: Documents): Promise<void> {
  const options = readOptions(argv, INSTALL_WORDS);
  const machine = machineOf(options);
  const name = nameOf(options);
  const asked = isPersonality(name)
    ? otherService(name, options.rest)
    : await ownService(options.rest, (path) => machine.at(path));
  const { config, given, words, streams } = asked;
  if (!machine.isImage) await refuseUnseen(name, given);
  judgeFeatures(config.features, config);
  const secrets = comingSecrets(given);
  if (secrets.length > 0) machine.say(`not tried here: ${secrets.join(", ")} is there when the service runs`);
  else if (!machine.isImage) await warn(config, machine);
  const hasSocket = streams !== undefined;
  const service = {
    name,
    isPersonality: isPersonality(name),
    words,
    streams,
    dropIns: await rightsOf(config, { hasSocket, isHere: !machine.isImage }),
    shared: await sharedFiles(documents),
  };
  finishFirst();
  await install(service, machine, options.switches.has("force"));
}

/** What `promtap uninstall` does. Throws PromtapError. */
export async function uninstallService(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv, UNINSTALL_WORDS);
  const { switches } = options;
  const removal = { name: nameOf(options), isForced: switches.has("force"), isPurge: switches.has("purge") };
  finishFirst();
  await uninstall(removal, machineOf(options));
}

/** What `promtap upgrade` does. Throws PromtapError. */
export async function upgradeProgram(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv, UPGRADE_WORDS);
  const [path = ""] = options.words;
  const sum = options.values.get("sha256");
  const isSum = sum === undefined || /^[0-9a-f]{64}$/i.test(sum);
  if (!isSum) throw usageError(`--sha256 ${sum}: needs 64 hexadecimal digits`);
  const readySeconds = wholeNumber(
    MAX_WAIT_SECONDS,
    1,
    "seconds",
  )(options.values.get("wait") ?? USUAL_WAIT_SECONDS, "--wait");
  const program = await readProgram(path, sum);
  finishFirst();
  await upgrade(program, machineOf(options), readySeconds * 1000);
}

function nameOf({ values }: Options): string {
  const name = values.get("as") ?? "promtap";
  if (name === "promtap" || isPersonality(name)) return name;
  throw usageError(`--as ${JSON.stringify(name)}: there are ${Object.keys(PERSONALITIES).join(", ")}`);
}

function machineOf({ values, switches }: Options): Machine {
  return new Machine(values.get("root") ?? "", switches.has("dry-run"), (line) => process.stdout.write(`${line}\n`));
}

/** Says what is hardly meant, and why it is not as good as it might be. Throws PromtapError if it can't run here. */
async function warn(config: Config, machine: Machine): Promise<void> {
  const lines = await check({ ...config, triesNoAddress: true });
  for (const line of lines.filter((each) => /^(?:warning|refused): /.test(each))) machine.say(line);
}

async function sharedFiles({ manPage, completion }: Documents): Promise<WantedFile[]> {
  if (!isSea()) throw refusal("install", "this is promtap as it stands in its sources; npm run build makes a program");
  return [
    { path: BINARY, content: await readFile(process.execPath), isProgram: true },
    { path: MAN_PAGE, content: manPage(VERSION) },
    ...SHELLS.map((shell) => ({ path: COMPLETIONS[shell], content: completion(shell) })),
  ];
}
