import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { FlowLedger } from "../../../../src/collectors/flow/flow-ledger.ts";
import { UdpIntake } from "../../../../src/collectors/flow/udp/udp-intake.ts";
import { type ListenAddress, UdpReceiver } from "../../../../src/collectors/flow/udp/udp-receiver.ts";
import { Verdict } from "../../../../src/flows/verdict.ts";
import { netflow5, record5 } from "../../../flows/datagrams.ts";

const LOOPBACK = [127, 0, 0, 1];

const at = (port: number, host?: number[]): ListenAddress => ({ name: `${host?.join(".") ?? ""}:${port}`, host, port });

async function send(port: number): Promise<void> {
  const sender = createSocket("udp4");
  const datagram = Uint8Array.from(netflow5([record5()]));
  await new Promise<void>((resolve, reject) => {
    sender.send(datagram, port, "127.0.0.1", (error) => (error === null ? resolve() : reject(error)));
  });
  sender.close();
}

/** Whether another socket can have the port. */
async function isFree(port: number): Promise<boolean> {
  const other = createSocket("udp4");
  other.bind(port, "127.0.0.1");
  const isBound = await once(other, "listening").then(
    () => true,
    () => false,
  );
  other.close();
  return isBound;
}

test("addresses become others without losing what came to them, whether that is done or not", async () => {
  const ledger = new FlowLedger({ ownAs: 1, labels: ["label"], maxSeries: 10 });
  const told: string[] = [];
  const intake = new UdpIntake(ledger, { sampling: "auto" });
  const receiver = new UdpReceiver([at(0, LOOPBACK)], intake, 1, (address) => told.push(address));
  const names = (): string[] => receiver.sockets.map(({ name }) => name);
  const { port } = receiver.sockets[0]!.socket;
  await send(port);
  // All addresses have the port, too, but what comes goes where it went.
  const refused = receiver.prepare([at(port)]);
  await send(port);
  refused.undo();
  receiver.sync();
  assert.deepEqual([names(), ledger.records], [[`127.0.0.1:${port}`], 2]);
  await send(port);
  receiver.prepare([at(port)]).commit();
  await send(port);
  // Only now there is one that it comes to instead.
  const undone = receiver.prepare([at(port), at(port, LOOPBACK)]);
  await send(port);
  undone.undo();
  await send(port);
  receiver.prepare([at(port, LOOPBACK)]).commit();
  await send(port);
  receiver.sync();
  assert.deepEqual([names(), ledger.records], [[`127.0.0.1:${port}`], 7]);
  assert.equal(await isFree(port), false);
  assert.throws(
    () => receiver.prepare([at(0), { name: "there", host: [192, 0, 2, 77], port: 0 }]),
    /none of this host/,
  );
  assert.deepEqual(told, [`127.0.0.1:${port}`, `:${port}`, `127.0.0.1:${port}`]);
  receiver[Symbol.dispose]();
  assert.equal(await isFree(port), true);
});

/** Of the largest datagrams, three times what one call takes. */
const LARGE = 192;
const LARGE_BUFFER_BYTES = 2 ** 25;

test("large datagrams are read a few at a time, so that others have their turn", async (t) => {
  const intake = new UdpIntake(new FlowLedger({ ownAs: 1, labels: ["label"], maxSeries: 10 }), { sampling: "auto" });
  using receiver = new UdpReceiver([at(0, LOOPBACK)], intake, 1, () => {});
  const [{ socket } = assert.fail()] = receiver.sockets;
  if (socket.memory().bufferBytes < LARGE_BUFFER_BYTES) return t.skip("needs a buffer as CAP_NET_ADMIN gives");
  const sender = createSocket("udp4");
  sender.bind(0, "127.0.0.1");
  await once(sender, "listening");
  const datagram = new Uint8Array(65_507).fill(0xff);
  const refused = (): number => intake.verdicts[Verdict.VERSION]!;
  for (let k = 0; k < LARGE; k++) sender.send(datagram, socket.port, "127.0.0.1");
  const steps: number[] = [];
  for (let before = 0; before + socket.memory().drops < LARGE; before = refused()) {
    await nextTurn();
    steps.push(refused() - before);
  }
  sender.close();
  assert.equal(refused(), LARGE);
  assert.ok(Math.max(...steps) < LARGE, "all of them at once");
});

test("a port that was opened for one program is shared after a restart alone", () => {
  const intake = new UdpIntake(new FlowLedger({ ownAs: 1, labels: ["label"], maxSeries: 10 }), { sampling: "auto" });
  using receiver = new UdpReceiver([at(0, LOOPBACK)], intake, 1, () => {});
  const address = at(receiver.sockets[0]!.socket.port, LOOPBACK);
  assert.throws(
    () => new UdpReceiver([address], intake, 2, () => {}),
    /couldn't share .*: it was opened for one program; restart promtap/,
  );
});
