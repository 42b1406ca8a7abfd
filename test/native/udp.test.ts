import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { describe, test } from "node:test";
import { DatagramBatch, UdpSocket } from "../../src/native/udp.ts";
import { until } from "../support/waiting.ts";

const LOOPBACK = [127, 0, 0, 1];
const BUFFER_BYTES = 1 << 20;

/** Sends datagrams one after the other. */
async function send(port: number, host: string, ...datagrams: Uint8Array[]): Promise<void> {
  const sender = createSocket(host.includes(":") ? "udp6" : "udp4");
  try {
    for (const datagram of datagrams) {
      await new Promise<void>((resolve, reject) => {
        sender.send(datagram, port, host, (error) => (error === null ? resolve() : reject(error)));
      });
    }
  } finally {
    sender.close();
    await once(sender, "close");
  }
}

describe("a socket of UDP", () => {
  test("gives what waits in it, with who sent it, many datagrams in one call", async () => {
    using socket = UdpSocket.open({ host: LOOPBACK, port: 0 }, "here", { bufferBytes: BUFFER_BYTES });
    const batch = new DatagramBatch();
    assert.equal(batch.receive(socket), 0);
    const sent = Array.from({ length: 70 }, (_, k) => Buffer.alloc(k === 3 ? 65_507 : k, k));
    await send(socket.port, "127.0.0.1", ...sent);
    const found: Buffer[] = [];
    for (const expected of [64, 6, 0]) {
      const count = batch.receive(socket);
      assert.deepEqual([count, batch.isFull(count)], [expected, expected === 64]);
      for (let k = 0; k < count; k++) {
        found.push(Buffer.from(batch.view.buffer.slice(batch.start(k), batch.end(k))));
        assert.deepEqual(
          [0, 1, 2, 3].map((word) => batch.senderWord(k, word)),
          [0, 0, 0xffff, 0x7f00_0001],
        );
      }
    }
    assert.ok(Buffer.concat(found).equals(Buffer.concat(sent)));
  });

  test("on all addresses takes IPv4 as IPv6 that stands for it", async () => {
    using socket = UdpSocket.open({ host: undefined, port: 0 }, "here", { bufferBytes: BUFFER_BYTES });
    const batch = new DatagramBatch();
    await send(socket.port, "127.0.0.1", Buffer.from("a"));
    assert.equal(batch.receive(socket), 1);
    assert.deepEqual(
      [0, 1, 2, 3].map((word) => batch.senderWord(0, word)),
      [0, 0, 0xffff, 0x7f00_0001],
    );
  });

  test("says that another program receives there, and what address is none of the host", async () => {
    const taken = createSocket("udp4");
    taken.bind(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address();
    const open = (host: number[], to: number): unknown =>
      UdpSocket.open({ host, port: to }, "there", { bufferBytes: BUFFER_BYTES });
    assert.throws(
      () => open(LOOPBACK, port),
      /^PromtapError: couldn't receive on there: another program receives there$/,
    );
    assert.throws(() => open([192, 0, 2, 77], 0), /the address is none of this host/);
    taken.close();
  });

  test("is shared within the program, so that one can take over from another", async () => {
    const first = UdpSocket.open({ host: LOOPBACK, port: 0 }, "here", { bufferBytes: BUFFER_BYTES });
    const { port } = first;
    const second = UdpSocket.open({ host: LOOPBACK, port }, "here", { bufferBytes: BUFFER_BYTES });
    first[Symbol.dispose]();
    await send(port, "127.0.0.1", Buffer.from("a"));
    assert.equal(new DatagramBatch().receive(second), 1);
    second[Symbol.dispose]();
    const free = createSocket("udp4");
    free.bind(port, "127.0.0.1");
    await once(free, "listening");
    free.close();
  });

  test("tells how much may wait, and what was dropped because that was too much", async () => {
    using socket = UdpSocket.open({ host: LOOPBACK, port: 0 }, "here", { bufferBytes: 4096 });
    const { bufferBytes, drops } = socket.memory();
    assert.deepEqual([bufferBytes >= 4096, drops], [true, 0]);
    const sent = 100;
    await send(socket.port, "127.0.0.1", ...Array.from({ length: sent }, () => Buffer.alloc(1000)));
    await until("some are dropped", () => socket.memory().drops > 0);
    const batch = new DatagramBatch();
    let received = 0;
    for (let count = batch.receive(socket); count > 0; count = batch.receive(socket)) received += count;
    assert.equal(received + socket.memory().drops, sent);
  });
});
