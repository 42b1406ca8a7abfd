import { existsSync } from "node:fs";
import { ErrorCode, PromtapError } from "../errors.ts";
import type { Machine } from "./machine.ts";

/** sd_booted(3). */
const SYSTEMD_RUNS = "/run/systemd/system";
/** What every package of Debian has, and a unit that one of rpm has. */
const PACKAGES = [
  { mark: "/usr/share/doc/promtap/copyright", manager: "dpkg" },
  { mark: "/usr/lib/systemd/system/promtap.service", manager: "rpm" },
];

/** Throws PromtapError if the machine may not be changed: `verb` is what is to be done. */
export function refuseUnfit(machine: Machine, verb: string): void {
  const packaged = PACKAGES.find(({ mark }) => existsSync(machine.at(mark)));
  if (packaged !== undefined) {
    throw refusal(verb, `promtap is of a package here, which is ${packaged.manager}'s to change`);
  }
  if (machine.isImage) return;
  if (process.geteuid?.() !== 0) throw refusal(verb, "only root may; or --root DIR for an image of a machine");
  if (!existsSync(SYSTEMD_RUNS)) {
    throw refusal(verb, "systemd does not run here; --root DIR is for an image of a machine where it does");
  }
}

export function refusal(verb: string, why: string): PromtapError {
  return new PromtapError(ErrorCode.HOST, `couldn't ${verb}: ${why}`);
}
