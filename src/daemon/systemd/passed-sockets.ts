import { ErrorCode, PromtapError } from "../../errors.ts";
import type { ListenAddress } from "../../http/listener.ts";
import type { Config } from "../config.ts";

/** The first descriptor that systemd passes: SD_LISTEN_FDS_START of sd_listen_fds(3). */
const FIRST = 3;

/** Where a config has the page served: at its addresses, or at the sockets that systemd has opened. Throws PromtapError. */
export function addressesOf(config: Config, environment?: NodeJS.ProcessEnv): readonly ListenAddress[] {
  return servesPassed(config, environment) ? passedSockets(environment) : config.listen;
}

/** Whether it is served at sockets of systemd: those are asked for, or there are some and no address is named. */
export function servesPassed(config: Config, environment?: NodeJS.ProcessEnv): boolean {
  return config.servesSystemdSocket || (!config.namesAddress && passesSockets(environment));
}

/** Whether systemd has passed sockets to this process. */
export function passesSockets(environment?: NodeJS.ProcessEnv): boolean {
  return countOf(environment) > 0;
}

function countOf({ LISTEN_PID, LISTEN_FDS }: NodeJS.ProcessEnv = process.env): number {
  return Number(LISTEN_PID) === process.pid ? Number(LISTEN_FDS) : 0;
}

function passedSockets(environment?: NodeJS.ProcessEnv): ListenAddress[] {
  const count = countOf(environment);
  if (count > 0) return Array.from({ length: count }, (_, index) => ({ kind: "passed", fd: FIRST + index }));
  throw new PromtapError(
    ErrorCode.HOST,
    "couldn't listen on a socket of systemd: none is passed; start promtap.socket, or leave out --web.systemd-socket",
  );
}
