import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, linkSync } from "node:fs";
import { request, type RequestOptions } from "node:http";
import { type AddressInfo, createServer, type ListenOptions, type Server } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { PROMTAP } from "../support/promtap.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

/** What systemd does to a service: tells it which descriptors are its sockets, and that they are its own. */
const PASSING = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"];

async function listening(options: ListenOptions): Promise<Server> {
  const server = createServer().listen(options);
  await once(server, "listening");
  return server;
}

/** Its descriptor, which Node shows to nobody but itself. */
function descriptorOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

async function statusOf(options: RequestOptions): Promise<number | undefined> {
  const sent = request({ ...options, path: "/-/ready", agent: false }).end();
  const [response] = await once(sent, "response");
  response.resume();
  return response.statusCode;
}

async function errorsOf(promtap: ChildProcess): Promise<{ status: number | null; stderr: string }> {
  let stderr = "";
  promtap.stderr!.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
  const [status] = await once(promtap, "close");
  return { status, stderr };
}

test("it serves on sockets that it is passed, TCP and unix, and removes neither at its end", async () => {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "promtap.sock");
  const tcp = await listening({ host: "127.0.0.1", port: 0 });
  const unix = await listening({ path });
  const [program, ...args] = [...PASSING, ...PROMTAP, "--geoip", "--web.systemd-socket"];
  const promtap = spawn(program, args, {
    stdio: ["ignore", "ignore", "pipe", descriptorOf(tcp), descriptorOf(unix)],
    env: { ...process.env, LISTEN_FDS: "2" },
  });
  const ended = errorsOf(promtap);
  // What is passed stays open in promtap alone. Closing would remove the path of the socket, and so it has another.
  const kept = `${path}.kept`;
  linkSync(path, kept);
  const { port } = tcp.address() as AddressInfo;
  tcp.close();
  unix.close();
  await using stack = new AsyncDisposableStack();
  stack.defer(() => void promtap.kill("SIGKILL"));
  for (const where of [{ port, host: "127.0.0.1" }, { socketPath: kept }]) {
    await until("it is ready", async () => promtap.exitCode !== null || (await statusOf(where)) === 200);
  }
  promtap.kill("SIGTERM");
  const { status, stderr } = await ended;
  assert.equal(status, 0, stderr);
  assert.match(stderr, new RegExp(`address=127.0.0.1:${port}\n[^]*address="unix socket at descriptor 4"\n`));
  assert.ok(existsSync(kept));
});

test("without a socket that is passed, or with one of another process, it says what to start", async () => {
  for (const LISTEN_PID of ["", "1"]) {
    const [program, ...args] = [...PROMTAP, "--geoip", "--web.systemd-socket"];
    const environment = { ...process.env, LISTEN_PID, LISTEN_FDS: "1" };
    const { status, stderr } = await errorsOf(spawn(program, args, { env: environment }));
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^couldn't listen on a socket of systemd: none is passed; start promtap\.socket, or /m);
  }
});
