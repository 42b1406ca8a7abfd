import { present, refuseChanges } from "./install.ts";
import { Installed } from "./installed.ts";
import type { Machine } from "./machine.ts";
import { refusal, refuseUnfit } from "./permission.ts";
import * as places from "./places.ts";

export interface Removal {
  readonly name: string;
  readonly isForced: boolean;
  /** Configuration and state go too. */
  readonly isPurge: boolean;
}

/** Undoes `install`. What other services need stays. Throws PromtapError, before anything has changed. */
export async function uninstall({ name, isForced, isPurge }: Removal, machine: Machine): Promise<void> {
  refuseUnfit(machine, "uninstall");
  const installed = await Installed.read(machine);
  const paths = installed.pathsOf(name);
  const isInstalled = installed.services.includes(name);
  if (!isInstalled && !(isPurge && paths.length > 0)) {
    const there = installed.services.join(", ") || "nothing";
    throw refusal("uninstall", `${name} is not installed; what is: ${there}`);
  }
  const own = paths.filter((path) => !installed.isShared(path, name));
  const kept = isPurge ? [] : own.filter(places.isConfiguration);
  const removed = own.filter((path) => !kept.includes(path));
  if (!isForced) {
    const changes = removed.filter((path) => !places.isConfiguration(path)).map((path) => installed.change(path));
    await refuseChanges("uninstall", changes);
  }
  const [sockets, links] = [await present(machine, [places.socketPath(name)]), await linksOf(machine, name)];
  if (!machine.isImage && isInstalled) {
    await machine.run(["systemctl", "stop", ...sockets.map(() => `${name}.socket`), `${name}.service`]);
  }
  for (const path of links) await machine.remove(path);
  for (const path of removed) await machine.remove(path, path.includes(".service.d/"));
  const former = removed.includes(places.BINARY) ? await present(machine, [places.FORMER_BINARY]) : [];
  for (const path of former) await machine.remove(path);
  const record = installed.record(name, [], (path) => !kept.includes(path));
  if (kept.length > 0) await machine.write([record]);
  else await machine.remove(record.path, true);
  const states = isPurge ? await present(machine, places.statePaths(name)) : [];
  for (const path of states) await machine.remove(path);
  if (!machine.isImage && isInstalled) await machine.run(["systemctl", "daemon-reload"]);
}

async function linksOf(machine: Machine, name: string): Promise<string[]> {
  const links = await present(machine, [places.wantedService(name), places.wantedSocket(name)]);
  const program = await machine.look(places.personalityPath(name));
  const isOurs = typeof program === "object" && !Buffer.isBuffer(program) && program.link === "promtap";
  return isOurs ? [...links, places.personalityPath(name)] : links;
}
