import { messageOf } from "../errors.ts";
import { argumentsText } from "./arguments.ts";
import type { DropInName } from "./drop-ins.ts";
import { Installed } from "./installed.ts";
import { type Machine, runProgram, type WantedFile, type WantedLink } from "./machine.ts";
import { refusal, refuseUnfit } from "./permission.ts";
import * as places from "./places.ts";
import { dropInTextFor, serviceText, socketText } from "./units.ts";

/** A service that is to be installed. */
export interface Service {
  /** That of promtap, or of a program whose place it takes. */
  readonly name: string;
  readonly isPersonality: boolean;
  readonly words: readonly string[];
  /** Where systemd is to listen for it; undefined: it does that itself. */
  readonly streams: readonly string[] | undefined;
  readonly dropIns: readonly DropInName[];
  /** What all services share: the program, its manual page and completions. */
  readonly shared: readonly WantedFile[];
}

/** Installs a service, and starts it if that is a machine that runs. Throws PromtapError, before anything has changed. */
export async function install(service: Service, machine: Machine, isForced: boolean): Promise<void> {
  refuseUnfit(machine, "install");
  const { name } = service;
  const files = filesOf(service);
  const links = linksOf(service);
  const installed = await Installed.read(machine);
  const isWanted = new Set([...files, ...links].map(({ path }) => path));
  const needless = installed.pathsOf(name).filter((path) => !isWanted.has(path) && !places.isConfiguration(path));
  const gone = service.streams === undefined ? [places.wantedSocket(name)] : [];
  const removed = await present(machine, [...needless, ...gone]);
  const written = await differing(machine, files);
  const linked = await differingLinks(machine, links);
  if (!isForced) {
    await refuseChanges(
      "install",
      [...written.map(({ path }) => path), ...needless].map((path) => installed.change(path)),
      linked.map(async ({ path }) =>
        (await machine.look(path)) === undefined ? undefined : `${path} was there before`,
      ),
    );
  }
  const record = installed.record(name, files, (path) => needless.includes(path));
  const records = await differing(machine, [record]);
  if ([written, linked, removed, records].every(({ length }) => length === 0)) machine.say("all is as it should be");
  else await machine.write([...written, ...records]);
  for (const path of removed) await machine.remove(path);
  for (const link of linked) await machine.link(link);
  if (machine.isImage) return;
  const hasChanged = [written, linked, removed].some(({ length }) => length > 0);
  if (hasChanged) await machine.run(["systemctl", "daemon-reload"]);
  await start(machine, name, hasChanged ? "restart" : "start");
}

function filesOf(service: Service): WantedFile[] {
  const { name, words, streams, dropIns, shared } = service;
  return [
    ...shared,
    { path: places.servicePath(name), content: serviceText(name) },
    ...dropIns.map((dropIn) => ({ path: places.dropInPath(name, dropIn), content: dropInTextFor(dropIn, name) })),
    ...(streams === undefined ? [] : [{ path: places.socketPath(name), content: socketText(name, streams) }]),
    { path: places.defaultsPath(name), content: argumentsText(words) },
  ];
}

function linksOf({ name, isPersonality, streams }: Service): WantedLink[] {
  return [
    ...(isPersonality ? [{ path: places.personalityPath(name), target: "promtap" }] : []),
    { path: places.wantedService(name), target: places.servicePath(name) },
    ...(streams === undefined ? [] : [{ path: places.wantedSocket(name), target: places.socketPath(name) }]),
  ];
}

/** Those of the files that are not there as they should be. */
async function differing(machine: Machine, files: readonly WantedFile[]): Promise<WantedFile[]> {
  const found = await Promise.all(files.map(({ path }) => machine.look(path)));
  return files.filter(({ content }, index) => {
    const there = found[index];
    return !Buffer.isBuffer(there) || !there.equals(Buffer.from(content));
  });
}

async function differingLinks(machine: Machine, links: readonly WantedLink[]): Promise<WantedLink[]> {
  const found = await Promise.all(links.map(({ path }) => machine.look(path)));
  return links.filter(({ target }, index) => {
    const there = found[index];
    return typeof there !== "object" || Buffer.isBuffer(there) || there.link !== target;
  });
}

/** Those of the paths where something is. */
export async function present(machine: Machine, paths: readonly string[]): Promise<string[]> {
  const found = await Promise.all(paths.map((path) => machine.look(path)));
  return paths.filter((_, index) => found[index] !== undefined);
}

/** Throws PromtapError that names all files that are to be left alone. */
export async function refuseChanges(
  verb: string,
  ...changes: readonly (readonly Promise<string | undefined>[])[]
): Promise<void> {
  const found = (await Promise.all(changes.flat())).filter((change) => change !== undefined);
  if (found.length > 0) throw refusal(verb, `${found.join(", ")}; nothing has changed; --force goes on all the same`);
}

/** Returns when the service is ready. Throws PromtapError with what it said last. */
export async function start(machine: Machine, name: string, verb: "start" | "restart", timeoutMs = 0): Promise<void> {
  try {
    await machine.run(["systemctl", verb, `${name}.service`], timeoutMs);
  } catch (error) {
    throw refusal(`${verb} ${name}.service`, await lastWords(name, messageOf(error)));
  }
}

/** What a service said last since it was to be started, if the journal has it. */
async function lastWords(name: string, otherwise: string): Promise<string> {
  try {
    const id = await propertyOf(name, "InvocationID");
    const words = await runProgram(["journalctl", "-q", "-n1", "-ocat", `_SYSTEMD_INVOCATION_ID=${id}`]);
    return words.trim() || otherwise;
  } catch {
    return otherwise;
  }
}

/** What systemd says of a service. */
export async function propertyOf(name: string, property: string): Promise<string> {
  return (await runProgram(["systemctl", "show", "--value", `--property=${property}`, `${name}.service`])).trim();
}
