import { messageOf } from "../errors.ts";
import { present, propertyOf, start } from "./install.ts";
import { Installed } from "./installed.ts";
import type { Machine } from "./machine.ts";
import { refusal, refuseUnfit } from "./permission.ts";
import { BINARY, defaultsPath, FORMER_BINARY } from "./places.ts";
import type { ProgramFile } from "./program-file.ts";
import { sumOf } from "./record.ts";

/** Time for the new program to judge the configuration, which may have it ask Kafka. */
const CHECK_MS = 60_000;
/** What a program is called until it takes the place of the one before. */
const NEWCOMER = `${BINARY}.new`;

/**
 * Puts a program in the place of the one that is installed, if it can run with the configuration of every service, and
 * starts those again that run. If one is not ready in time, the program before comes back. An upgrade that was killed is
 * brought to its end by the next one with the same program. Throws PromtapError.
 */
export async function upgrade(program: ProgramFile, machine: Machine, readyMs: number): Promise<void> {
  refuseUnfit(machine, "upgrade");
  const installed = await Installed.read(machine);
  const { services } = installed;
  const former = await machine.look(BINARY);
  if (services.length === 0 || !Buffer.isBuffer(former)) {
    throw refusal("upgrade", "promtap install has installed nothing here");
  }
  if (sumOf(former) !== program.sum) await replace(program, machine, services);
  else if (!(await isUnfinished(machine, installed))) {
    throw refusal("upgrade", "it is the promtap that is installed already");
  }
  await restart(machine, await runningOf(services), readyMs);
  const file = { path: BINARY, content: program.content };
  await machine.write(services.map((name) => installed.record(name, [file])));
}

/** Whether an upgrade has put the program there and came no further: the one before is there, and the one that is known. */
async function isUnfinished(machine: Machine, installed: Installed): Promise<boolean> {
  const former = await machine.look(FORMER_BINARY);
  return Buffer.isBuffer(former) && installed.isKnown(BINARY, sumOf(former));
}

/** Takes the place of the program before, which stays under another name, if the new one can run all services. */
async function replace(program: ProgramFile, machine: Machine, services: readonly string[]): Promise<void> {
  await machine.write([{ path: NEWCOMER, content: program.content, isProgram: true }]);
  try {
    for (const name of services) await check(machine, name);
    await machine.keep(BINARY, FORMER_BINARY);
    await machine.rename(NEWCOMER, BINARY);
  } finally {
    for (const path of await present(machine, [NEWCOMER])) await machine.remove(path);
  }
}

/** Has the new program judge the flags of a service, which systemd takes from their file as it does for the service. */
async function check(machine: Machine, name: string): Promise<void> {
  const as = name === "promtap" ? [] : ["as", name];
  const properties = ["--quiet", "--collect", "--wait", "--pipe", `--property=EnvironmentFile=-${defaultsPath(name)}`];
  try {
    await machine.run(["systemd-run", ...properties, NEWCOMER, "check", "--no-listen", ...as, "$ARGS"], CHECK_MS);
  } catch (error) {
    const why = messageOf(error).replace(/^.*\$ARGS: /, "");
    throw refusal("upgrade", `the new promtap would not run ${name}.service: ${why}; nothing has changed`);
  }
}

/** Those of the services that run, or are tried again and again. */
async function runningOf(services: readonly string[]): Promise<string[]> {
  const states = services.map(async (name) => {
    return ["active", "activating", "reloading"].includes(await propertyOf(name, "ActiveState"));
  });
  const isRunning = await Promise.all(states);
  return services.filter((_, index) => isRunning[index]);
}

/** Returns when all services are ready; else brings the program before back, and throws PromtapError. */
async function restart(machine: Machine, services: readonly string[], readyMs: number): Promise<void> {
  try {
    for (const name of services) await start(machine, name, "restart", readyMs);
  } catch (error) {
    await machine.rename(FORMER_BINARY, BINARY);
    for (const name of services) await start(machine, name, "restart");
    throw refusal("upgrade", `${messageOf(error)}; went back to the promtap before, which runs again`);
  }
}
