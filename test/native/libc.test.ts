import assert from "node:assert/strict";
import { closeSync, openSync, readFileSync, truncateSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import * as libc from "../../src/native/libc.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { DatagramPair, RefusedSocket } from "./sockets.ts";

const { EAFNOSUPPORT, EAGAIN, EBADF, ECONNREFUSED, EINVAL } = constants.errno;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SO_BROADCAST = 6;
const PAGE_BYTES = 4096;

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

describe("system calls", () => {
  test("return the negated errno if they fail", () => {
    assert.equal(libc.socket(9999, SOCK_DGRAM, 0), -EAFNOSUPPORT);
    assert.equal(libc.close(-1), -EBADF);
    assert.equal(libc.bind(-1, new Uint8Array(16)), -EBADF);
    assert.equal(libc.send(-1, new Uint8Array(1)), -EBADF);
    assert.equal(libc.recv(-1, new Uint8Array(1)), -EBADF);
    assert.equal(libc.setsockopt(-1, SOL_SOCKET, SO_BROADCAST, words(1)), -EBADF);
    assert.equal(libc.getsockopt(-1, SOL_SOCKET, SO_BROADCAST, words(0)), -EBADF);
    assert.equal(libc.attachFilter(-1, new Uint8Array(8)), -EBADF);
  });

  test("set and read options", () => {
    const fd = libc.socket(AF_INET, SOCK_DGRAM, 0);
    const value = words(0);
    assert.equal(libc.getsockopt(fd, SOL_SOCKET, SO_TYPE, value), 0);
    assert.deepEqual(value, words(SOCK_DGRAM));
    assert.equal(libc.setsockopt(fd, SOL_SOCKET, SO_BROADCAST, words(1)), 0);
    libc.getsockopt(fd, SOL_SOCKET, SO_BROADCAST, value);
    assert.deepEqual(value, words(1));
    assert.equal(libc.close(fd), 0);
  });

  test("send and receive message by message, and wait for none", () => {
    using pair = new DatagramPair();
    const buffer = new Uint8Array(8);
    assert.equal(libc.recv(pair.far, buffer), -EAGAIN);
    libc.send(pair.near, Uint8Array.from([1, 2, 3]));
    libc.send(pair.near, Uint8Array.from([4]));
    assert.equal(libc.recv(pair.far, buffer), 3);
    assert.deepEqual([...buffer.subarray(0, 3)], [1, 2, 3]);
    assert.equal(libc.recv(pair.far, buffer), 1);
    assert.equal(buffer[0], 4);
    assert.equal(libc.recv(pair.far, buffer), -EAGAIN);
  });
});

describe("mapped memory", () => {
  test("is shared with the file behind it", () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "shared");
    const fd = openSync(path, "w+");
    truncateSync(path, 3 * PAGE_BYTES);
    const mapping = libc.mmap(fd, 3 * PAGE_BYTES);
    assert.ok(typeof mapping === "object");
    assert.equal(mapping.buffer.byteLength, 3 * PAGE_BYTES);
    new Uint8Array(mapping.buffer)[2 * PAGE_BYTES] = 42;
    assert.equal(readFileSync(path)[2 * PAGE_BYTES], 42);
    mapping.unmap();
    closeSync(fd);
  });

  test("is refused with the errno", () => {
    assert.equal(libc.mmap(-1, PAGE_BYTES), -EBADF);
    using pair = new DatagramPair();
    assert.ok((libc.mmap(pair.near, PAGE_BYTES) as number) < 0);
  });
});

describe("errors in words", () => {
  test("tell what a person can act on", () => {
    const { EPERM, EACCES, ENODEV, ENXIO, ENOMEM, ENOBUFS, ENOSYS } = constants.errno as Record<string, number>;
    const expectations: [number, string][] = [
      [EPERM!, "not permitted"],
      [EACCES!, "not permitted"],
      [ENODEV!, "no such device"],
      [ENXIO ?? 6, "no such device"],
      [ENOMEM!, "out of memory"],
      [ENOBUFS!, "out of memory"],
      [EAFNOSUPPORT, "not offered by this kernel"],
      [ENOSYS!, "not offered by this kernel"],
      [constants.errno.EMFILE, "too many open files; raise LimitNOFILE, or ulimit -n"],
    ];
    for (const [errno, text] of expectations) assert.equal(libc.errnoText(-errno), text);
  });

  test("are those of libuv, or name the errno, if there are none of our own", () => {
    assert.equal(libc.errnoText(-EINVAL), "invalid argument");
    assert.equal(libc.errnoText(-9999), "Unknown system error -9999");
  });
});

describe("a filter", () => {
  /** ret #operand */
  const keep = (bytes: number) => Uint8Array.from([0x06, 0, 0, 0, ...words(bytes)]);

  test("cuts what a socket receives", () => {
    using pair = new DatagramPair();
    assert.equal(libc.attachFilter(pair.far, keep(2)), 0);
    libc.send(pair.near, Uint8Array.from([1, 2, 3, 4]));
    assert.equal(libc.recv(pair.far, new Uint8Array(8)), 2);
  });

  test("that the kernel does not like is refused", () => {
    using pair = new DatagramPair();
    assert.equal(libc.attachFilter(pair.far, new Uint8Array(0)), -EINVAL);
    // A jump behind the end.
    assert.equal(libc.attachFilter(pair.far, Uint8Array.from([0x15, 0, 9, 9, 0, 0, 0, 0])), -EINVAL);
  });
});

test("only packet sockets have packet statistics", { skip: lacking("root") }, () => {
  const AF_PACKET = 17;
  const SOCK_RAW = 3;
  using pair = new DatagramPair();
  assert.equal(libc.packetStatistics(pair.near), null);
  // Bound to no protocol, it sees nothing.
  const fd = libc.socket(AF_PACKET, SOCK_RAW, 0);
  assert.deepEqual(libc.packetStatistics(fd), { packets: 0, drops: 0 });
  libc.close(fd);
});

describe("a watch for something to read", () => {
  test("calls for each message, until it is stopped", async () => {
    using pair = new DatagramPair();
    const buffer = new Uint8Array(8);
    let heard = Promise.withResolvers<number>();
    const stop = libc.watchReadable(pair.far, () => heard.resolve(libc.recv(pair.far, buffer)));
    for (const length of [1, 5, 3]) {
      libc.send(pair.near, new Uint8Array(length));
      assert.equal(await heard.promise, length);
      heard = Promise.withResolvers();
    }
    libc.send(pair.near, new Uint8Array(1));
    stop();
    // As many turns as a call would have needed, and more.
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.equal(libc.recv(pair.far, buffer), 1);
  });

  test("may be stopped from inside", async () => {
    using pair = new DatagramPair();
    const { promise, resolve } = Promise.withResolvers<void>();
    let calls = 0;
    const stop = libc.watchReadable(pair.far, () => {
      calls++;
      stop();
      resolve();
    });
    libc.send(pair.near, new Uint8Array(1));
    await promise;
    for (let turn = 0; turn < 10; turn++) await new Promise(setImmediate);
    assert.equal(calls, 1);
  });

  test("goes on after an error on the descriptor", { timeout: 10_000 }, async () => {
    using socket = new RefusedSocket();
    let heard = Promise.withResolvers<number>();
    const stop = libc.watchReadable(socket.fd, () => heard.resolve(libc.recv(socket.fd, new Uint8Array(8))));
    for (let count = 0; count < 3; count++) {
      libc.send(socket.fd, new Uint8Array(1));
      assert.equal(await heard.promise, -ECONNREFUSED);
      heard = Promise.withResolvers();
    }
    stop();
  });

  test("does not swallow what its listener throws", { timeout: 10_000 }, async () => {
    using pair = new DatagramPair();
    const { promise, resolve } = Promise.withResolvers<unknown>();
    process.setUncaughtExceptionCaptureCallback(resolve);
    const stop = libc.watchReadable(pair.far, () => {
      stop();
      throw new Error("out of order");
    });
    libc.send(pair.near, new Uint8Array(1));
    const thrown = await promise;
    process.setUncaughtExceptionCaptureCallback(null);
    assert.match(String(thrown), /out of order/);
  });
});
