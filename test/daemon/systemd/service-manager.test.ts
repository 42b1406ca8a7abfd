import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { ServiceManager } from "../../../src/daemon/systemd/service-manager.ts";
import { NotifySocket } from "../../native/sockets.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { until } from "../../support/waiting.ts";

/** A manager that listens, and what tells it. */
class Told implements Disposable {
  readonly #folder = new TemporaryFolder();
  readonly path = join(this.#folder.path, "notify");
  readonly socket = new NotifySocket(this.path);
  readonly unheard: string[] = [];
  readonly environment: NodeJS.ProcessEnv;
  readonly manager: ServiceManager;

  constructor(environment: NodeJS.ProcessEnv = {}) {
    this.environment = { NOTIFY_SOCKET: this.path, ...environment };
    this.manager = ServiceManager.take(this.environment, (error) => this.unheard.push(error));
  }

  [Symbol.dispose](): void {
    this.manager[Symbol.dispose]();
    this.socket[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }
}

describe("systemd is told", () => {
  test("of start, reloads and the end, and what is done meanwhile", () => {
    using told = new Told();
    const { manager, socket } = told;
    manager.ready(
      () => {},
      () => "counts\nmuch",
    );
    const before = process.hrtime.bigint() / 1000n;
    manager.began();
    manager.ended("no such file");
    manager.began();
    manager.ended(undefined);
    manager.stopping();
    const messages = socket.received();
    const [, stamp = "0"] = /MONOTONIC_USEC=([0-9]+)\n/.exec(messages[1]!) ?? [];
    assert.ok(BigInt(stamp) >= before && BigInt(stamp) <= process.hrtime.bigint() / 1000n);
    const reading = "STATUS=reading the configuration again";
    assert.deepEqual(
      messages.map((message) => message.replace(/(?<=MONOTONIC_USEC=)[0-9]+/, "N")),
      [
        "READY=1\nSTATUS=counts much",
        `RELOADING=1\nMONOTONIC_USEC=N\n${reading}`,
        "READY=1\nSTATUS=goes on as before, couldn't reload: no such file",
        `RELOADING=1\nMONOTONIC_USEC=N\n${reading}`,
        "READY=1\nSTATUS=counts much",
        "STOPPING=1\nSTATUS=ending",
      ],
    );
    assert.deepEqual(told.unheard, []);
  });

  test("that capture goes on, as often as it must be, and no more once that does not", async () => {
    using told = new Told({ WATCHDOG_USEC: "30000", WATCHDOG_PID: `${process.pid}` });
    let beats = 0;
    told.manager.ready(
      () => void beats++,
      () => (beats > 2 ? "counts" : "waits"),
    );
    const messages: string[] = [];
    await until("it was fed four times", () => messages.push(...told.socket.received()) > 4);
    assert.deepEqual(messages.slice(0, 5), [
      "READY=1\nSTATUS=waits",
      "WATCHDOG=1",
      "WATCHDOG=1",
      "WATCHDOG=1\nSTATUS=counts",
      "WATCHDOG=1",
    ]);
    assert.ok(beats >= 4);
    told.manager.stopping();
    assert.match(told.socket.received().at(-1)!, /^STOPPING=1/);
  });

  test("nothing of an engine that throws in place of going on", () => {
    using told = new Told({ WATCHDOG_USEC: "30000000" });
    const stuck = (): never => {
      throw new Error("stuck");
    };
    assert.throws(() => told.manager.ready(stuck, () => ""), /stuck/);
    assert.deepEqual(told.socket.received(), ["READY=1\nSTATUS="]);
  });

  test("later what it has no room for now, in order", async () => {
    using told = new Told();
    for (let count = 0; count < 50; count++) told.manager.stopping();
    told.manager.began();
    const messages: string[] = [];
    await until("all has come", () => messages.push(...told.socket.received()) === 51);
    assert.match(messages.at(-1)!, /^RELOADING=1/);
    assert.deepEqual(told.unheard, []);
  });
});

test("programs that are started see nothing of systemd's variables, and a watchdog of another process is not fed", () => {
  using told = new Told({ WATCHDOG_USEC: "30000", WATCHDOG_PID: "1", PATH: "/bin" });
  assert.deepEqual(told.environment, { PATH: "/bin" });
  told.manager.ready(
    () => assert.fail("fed"),
    () => "counts",
  );
  assert.deepEqual(told.socket.received(), ["READY=1\nSTATUS=counts"]);
});

test("without systemd, nothing is sent; with one that does not listen, that is said once", () => {
  const unheard: string[] = [];
  for (const NOTIFY_SOCKET of [undefined, "/nowhere/notify"]) {
    using manager = ServiceManager.take({ NOTIFY_SOCKET }, (error) => unheard.push(error));
    manager.ready(
      () => {},
      () => "",
    );
    manager.stopping();
  }
  assert.deepEqual(unheard, ["no such file or directory"]);
});
