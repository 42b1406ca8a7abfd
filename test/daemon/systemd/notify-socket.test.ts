import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { errno } from "../../../src/native/libc.ts";
import { sendDatagram } from "../../../src/daemon/systemd/notify-socket.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { NotifySocket } from "../../native/sockets.ts";

describe("a datagram to a unix socket", () => {
  test("arrives whole, by path and by abstract name", () => {
    using folder = new TemporaryFolder();
    for (const path of [join(folder.path, "notify"), `@promtap-test-${process.pid}`]) {
      using socket = new NotifySocket(path);
      const text = "READY=1\nSTATUS=ä";
      assert.equal(sendDatagram(path, text), Buffer.byteLength(text), path);
      assert.deepEqual(socket.received(), [text]);
    }
  });

  test("is not waited for where nobody receives, or there is no room", () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "notify");
    assert.equal(sendDatagram(path, "READY=1"), -errno.ENOENT);
    assert.equal(sendDatagram(`@promtap-test-none-${process.pid}`, "READY=1"), -errno.ECONNREFUSED);
    using socket = new NotifySocket(path);
    let sent = 0;
    let result = 0;
    for (; result >= 0 && sent < 100_000; sent++) result = sendDatagram(path, "WATCHDOG=1");
    assert.equal(result, -errno.EAGAIN);
    assert.equal(socket.received().length, sent - 1);
  });
});
