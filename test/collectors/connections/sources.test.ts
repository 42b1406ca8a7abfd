import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { NetlinkSource } from "../../../src/collectors/connections/netlink-source.ts";
import { fillFromLine, ProcSource } from "../../../src/collectors/connections/proc-source.ts";
import {
  CONNECTED,
  LISTENING,
  type SocketSource,
  STATE_NAMES,
  TcpSocket,
} from "../../../src/collectors/connections/tcp-socket.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { socketOf, textOf } from "./sockets.ts";

const SOURCES = [new NetlinkSource(), new ProcSource()];
const soon = (): number => performance.now() + 10_000;

/** A server on loopback with some connections to it. */
class Loopback implements AsyncDisposable {
  readonly sockets: Socket[] = [];
  readonly #server: Server = createServer((socket) => this.sockets.push(socket));

  static async open(host: string, count: number, to = host): Promise<Loopback> {
    const loopback = new Loopback();
    await once(loopback.#server.listen(0, host), "listening");
    for (let index = 0; index < count; index++) {
      const socket = connect(loopback.port, to);
      loopback.sockets.push(socket);
      await Promise.all([once(socket, "connect"), once(loopback.#server, "connection")]);
    }
    return loopback;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The sockets at the server's end that a source tells of. */
  async told(source: SocketSource, states: number): Promise<string[]> {
    const told: string[] = [];
    const isWhole = await source.visit(states, soon(), (socket) => {
      if (socket.localPort === this.port) told.push(textOf(socket));
    });
    assert.ok(isWhole);
    return told;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

for (const source of SOURCES) {
  describe(`the source ${source.name}`, () => {
    for (const [host, to, listener, connection] of [
      ["127.0.0.1", "127.0.0.1", "listen 127.0.0.1", "established 127.0.0.1"],
      ["::1", "::1", "listen ::1", "established ::1"],
      ["::", "127.0.0.1", "listen ::", "established 127.0.0.1"],
    ] as const) {
      test(`tells what listens on ${host} and what connects from ${to}`, async () => {
        await using loopback = await Loopback.open(host, 3, to);
        const { port } = loopback;
        const unspecified = host.includes(":") ? "::" : "0.0.0.0";
        const listening = textOf(socketOf(`${listener} ${port} ${unspecified}`));
        const connected = textOf(socketOf(`${connection} ${port} ${to}`));
        assert.deepEqual(await loopback.told(source, LISTENING), [listening]);
        assert.deepEqual(await loopback.told(source, CONNECTED), [connected, connected, connected]);
      });
    }

    test("gives up at the deadline", async () => {
      const late = source.visit(LISTENING | CONNECTED, performance.now() - 1, () => {});
      await assert.rejects(late, /before the scrape's deadline$/);
    });
  });
}

describe("a line of /proc/net/tcp", () => {
  test("tells the state and both ends, in the order of the host", () => {
    const socket = new TcpSocket();
    const rest = "00000000:00000000 00:00000000 00000000     0        0 1 1 0 20 0 0 10 -1";
    assert.ok(fillFromLine(socket, `   1: 010200C0:01BB 076433C6:C350 06 ${rest}`));
    assert.equal(textOf(socket), textOf(socketOf("time_wait 192.0.2.1 443 198.51.100.7")));
    const [local, remote] = ["B80D0120000000000000000001000000", "0000000000000000FFFF0000010200C0"];
    assert.ok(fillFromLine(socket, `  12: ${local}:01BB ${remote}:C350 01 ${rest}`));
    assert.equal(textOf(socket), textOf(socketOf("established 2001:db8::1 443 192.0.2.1")));
    assert.equal(STATE_NAMES[socket.state], "established");
  });

  test("that is the head, or cut short, tells of none", () => {
    const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode";
    for (const line of [head, "", "   1: 010200C0:01BB 076433C6:C350", "   1: 010200C0:01BB 076433C6:C350 0"]) {
      assert.ok(!fillFromLine(new TcpSocket(), line), line);
    }
  });

  test("is missing when the kernel has no IPv6, and the rest is told", async () => {
    using folder = new TemporaryFolder();
    mkdirSync(join(folder.path, "net"));
    writeFileSync(join(folder.path, "net/tcp"), "   1: 010200C0:01BB 076433C6:C350 01 00000000:00000000\n");
    const told: string[] = [];
    await new ProcSource(join(folder.path, "net")).visit(CONNECTED, soon(), (socket) => told.push(textOf(socket)));
    assert.deepEqual(told, [textOf(socketOf("established 192.0.2.1 443 198.51.100.7"))]);
    const nowhere = new ProcSource(join(folder.path, "elsewhere"));
    await assert.rejects(
      nowhere.visit(CONNECTED, soon(), () => {}),
      /ENOENT/,
    );
  });
});

test("the kernel gives its sockets without a capability, and is said to", async () => {
  assert.equal(await NetlinkSource.probe(soon()), undefined);
});
