import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, test } from "node:test";
import { Consumer } from "../../../src/kafka/consumer/consumer.ts";
import { Impostor } from "../../support/impostor.ts";
import { until } from "../../support/waiting.ts";

/* What a real Kafka does is tested in test/live; here are servers that are none. */

const TIMEOUT = { timeout: 60_000 };

/** A consumer of what is at these ports, and what it has told. */
function consumerOf(ports: readonly number[], told: (string | undefined)[], group: string | null = "g"): Consumer {
  const bootstrap = ports.map((port) => ({ host: "127.0.0.1", port }));
  const partitions = group === null ? "all" : null;
  return new Consumer(
    { brokers: { bootstrap, tls: null, sasl: null }, topic: "t", group, partitions, from: "earliest" },
    { message: () => assert.fail(), damaged: () => assert.fail(), lost: () => assert.fail() },
    { changed: (error) => told.push(error), assigned: () => assert.fail() },
  );
}

/** Writes zeros for as long as somebody takes them. */
function pour(socket: Socket): void {
  const zeros = Buffer.alloc(2 ** 20);
  const more = (): void => {
    while (!socket.destroyed && socket.write(zeros));
  };
  socket.on("drain", more);
  more();
}

const IMPOSTORS: Record<string, (socket: Socket) => void> = {
  "closes at once": (socket) => socket.end(),
  "resets what it is sent": (socket) => socket.once("data", () => socket.resetAndDestroy()),
  "speaks HTTP": (socket) => socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
  "speaks TLS": (socket) => socket.once("data", () => socket.end(Buffer.from([0x15, 3, 3, 0, 2, 2, 40]))),
  "answers what was not asked": (socket) =>
    socket.once("data", () => socket.write(Buffer.from([0, 0, 0, 4, 9, 9, 9, 9]))),
  "announces an answer of 2 GiB": (socket) =>
    socket.once("data", () => {
      socket.write(Buffer.from([0x7f, 0xff, 0xff, 0xff]));
      pour(socket);
    }),
  // the right correlation, and then lengths that lead nowhere
  "answers nonsense": (socket) =>
    socket.once("data", (request: Buffer) => {
      const answer = Buffer.alloc(40, 0x7f);
      answer.writeInt32BE(36, 0);
      request.copy(answer, 4, 8, 12);
      socket.write(answer);
    }),
};

describe("a consumer", TIMEOUT, () => {
  for (const [what, serve] of Object.entries(IMPOSTORS)) {
    test(`tries again, and tells once, when a server ${what}`, async () => {
      await using impostor = await Impostor.start(serve);
      const told: (string | undefined)[] = [];
      await using consumer = consumerOf([impostor.port], told);
      await until("it has tried again", () => consumer.failures >= 3);
      assert.equal(consumer.isUp, false);
      assert.ok(impostor.connections >= 3);
      assert.equal(told.length, new Set(told).size);
      assert.ok(
        told.every((error) => typeof error === "string" && error !== "" && !error.includes("\n")),
        String(told),
      );
    });
  }

  test("tells the reason of each broker if none can be reached", async () => {
    const impostor = await Impostor.start(() => {});
    const { port } = impostor;
    await impostor[Symbol.asyncDispose]();
    const told: (string | undefined)[] = [];
    await using consumer = consumerOf([port, port], told, null);
    await until("it has failed", () => consumer.failures > 0);
    assert.deepEqual(told, [
      `couldn't connect to any broker (127.0.0.1:${port}: connect ECONNREFUSED 127.0.0.1:${port})`,
    ]);
  });

  test("ends while it waits for an answer that never comes", async () => {
    await using impostor = await Impostor.start(() => {});
    const told: (string | undefined)[] = [];
    const consumer = consumerOf([impostor.port], told);
    await until("it is connected", () => impostor.connections > 0);
    await consumer[Symbol.asyncDispose]();
    assert.deepEqual(told, []);
  });
});
