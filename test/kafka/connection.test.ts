import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { heartbeatV3, Writer } from "@platformatic/kafka";
import { Connection } from "../../src/kafka/connection.ts";
import type { Login } from "../../src/kafka/security.ts";
import { Impostor } from "../support/impostor.ts";
import { until } from "../support/waiting.ts";

/** Where a request says what it asks for, and its number. */
const KEY_AT = 4;
const CORRELATION_AT = 8;
const HANDSHAKE = 17;

const LOGIN: Login = { mechanism: "SCRAM-SHA-256", user: "alice", password: "secret" };
const signal = new AbortController().signal;

/** A server that answers each request, by its kind, with this. */
function broker(answer: (key: number, request: Buffer) => Writer): Promise<Impostor> {
  return Impostor.start((socket) =>
    socket.on("data", (request: Buffer) => {
      const head = Writer.create().appendInt32(request.readInt32BE(CORRELATION_AT));
      socket.write(head.appendFrom(answer(request.readInt16BE(KEY_AT), request)).prependLength().buffer);
    }),
  );
}

/** One that takes a mechanism, and then answers this to every login. */
function loginBroker(text: (request: string) => string, sessionMs = 0n): Promise<Impostor> {
  return broker((key, request) => {
    if (key === HANDSHAKE) return Writer.create().appendInt16(0).appendInt32(0);
    const bytes = Buffer.from(text(request.toString("latin1")));
    return Writer.create().appendInt16(0).appendString(null, false).appendBytes(bytes, false).appendInt64(sessionMs);
  });
}

function open({ port }: Impostor, login?: Login): Promise<Connection> {
  const security = login === undefined ? {} : { login };
  return Connection.open("broker 1", { host: "127.0.0.1", port }, security, signal);
}

describe("a connection", { timeout: 30_000 }, () => {
  const salted = (rounds: string) => (request: string) =>
    `r=${/r=([\w-]+)/.exec(request)?.[1] ?? ""}more,s=c2FsdA==,i=${rounds}`;

  for (const [what, text, reason] of [
    [
      "asks for more rounds of SCRAM than anybody should",
      salted("2000000000"),
      /it asks for 2000000000 rounds of SCRAM/,
    ],
    ["says nothing that SCRAM knows", () => "nonsense", /Malformed SCRAM parameter/],
    ["leaves out what SCRAM needs", () => "x=y", /broker 1: /],
    ["proves nothing", (request: string) => (request.includes("p=") ? "v=AAAA" : salted("4096")(request)), /signature/],
  ] as const) {
    test(`is refused when the broker ${what} at a login`, async () => {
      await using impostor = await loginBroker(text);
      await assert.rejects(open(impostor, LOGIN), (error) => {
        assert.ok(error instanceof Error);
        assert.equal(error.name, "KafkaError");
        assert.match(error.message, reason);
        return true;
      });
    });
  }

  test("is of no more use shortly before the broker wants a login again", async () => {
    await using forever = await loginBroker(() => "", 0n);
    await using brief = await loginBroker(() => "", 1n);
    const plain: Login = { ...LOGIN, mechanism: "PLAIN" };
    const [first, second] = await Promise.all([open(forever, plain), open(brief, plain)]);
    await until("the brief one ends", () => second.isExpired);
    assert.deepEqual([first.isUsable, first.isExpired, second.isUsable], [true, false, false]);
    first.close();
    second.close();
  });

  test("is refused if its address or its certificates can't be", async () => {
    const address = { host: "127.0.0.1", port: 70_000 };
    await assert.rejects(Connection.open("broker 1", address, {}, signal), { name: "KafkaError" });
    const security = { tls: { ca: "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n" } };
    await assert.rejects(Connection.open("broker 1", { ...address, port: 1 }, security, signal), {
      name: "KafkaError",
    });
  });

  test("is told from others that fail when no descriptors are left, and can be had when there are some", async () => {
    await using impostor = await Impostor.start(() => {});
    const program = resolve(import.meta.dirname, "without-descriptors.ts");
    const command = ["-c", 'ulimit -n 100; exec "$@"', "sh", process.execPath, program, `${impostor.port}`];
    const { stdout } = await promisify(execFile)("sh", command);
    assert.equal(stdout, "broker 1: no descriptors are left; raise LimitNOFILE\nconnected\n");
  });

  test("says in what a server differs from a broker", async () => {
    const answers: [Buffer, RegExp][] = [
      [Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n"), /^broker 1: it announced an answer of 1213486160 bytes$/],
      [Buffer.from([0x15, 3, 3, 0, 2, 2, 40]), /^broker 1: it speaks TLS; give --flow-tls$/],
      [Buffer.from([0, 0, 0, 4, 9, 9, 9, 9]), /^broker 1: it sent what nobody asked for$/],
      [Buffer.alloc(0), /^broker 1: it closed the connection$/],
    ];
    for (const [bytes, message] of answers) {
      await using impostor = await Impostor.start((socket) => socket.once("data", () => socket.end(bytes)));
      const connection = await open(impostor);
      await assert.rejects(connection.call(heartbeatV3.api, "g", 0, "m"), { name: "KafkaError", message });
      assert.equal(connection.isUsable, false);
    }
  });
});
