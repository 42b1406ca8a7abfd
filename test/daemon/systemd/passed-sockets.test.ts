import assert from "node:assert/strict";
import { test } from "node:test";
import { scanFlags } from "../../../src/cli/scan.ts";
import { configOf } from "../../../src/daemon/config.ts";
import { addressesOf } from "../../../src/daemon/systemd/passed-sockets.ts";
import type { ListenAddress } from "../../../src/http/listener.ts";

const PASSED = { LISTEN_PID: String(process.pid), LISTEN_FDS: "2" };
const OF_ANOTHER = { ...PASSED, LISTEN_PID: "1" };

function addresses(environment: NodeJS.ProcessEnv, ...flags: string[]): readonly ListenAddress[] {
  return addressesOf(configOf(scanFlags(flags)), environment);
}

const passed = [
  { kind: "passed", fd: 3 },
  { kind: "passed", fd: 4 },
];
const port = (number: number): object => ({ kind: "tcp", host: undefined, port: number });

test("sockets that systemd passes are served on if they are asked for, or if no address is named", () => {
  assert.deepEqual(addresses(PASSED), passed);
  assert.deepEqual(addresses(PASSED, "--web.systemd-socket"), passed);
  assert.deepEqual(addresses(PASSED, "-p80"), [port(80)]);
  assert.deepEqual(addresses(PASSED, "--web.listen-address=:81"), [port(81)]);
  for (const environment of [OF_ANOTHER, {}]) {
    assert.deepEqual(addresses(environment), [port(9112)]);
    assert.throws(() => addresses(environment, "--web.systemd-socket"), { message: /none is passed; start / });
  }
});
