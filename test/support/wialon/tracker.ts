/*
 * A GPS tracker: connects to a server of Wialon IPS, says everything that the protocol has, waits for the answers, and
 * prints what it sent.
 *
 *     node tracker.ts HOST PORT PROTOCOL BYTES-A-WRITE MESSAGES CONNECTIONS
 */
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { emptyJournal, note } from "./journal.ts";
import { binary, blackBox, compressed, data, line, type Protocol, shortData, type WialonPacket } from "./packets.ts";

const [host = "", port = "", protocol = "", writeBytes = "", messages = "", connections = ""] = process.argv.slice(2);
const options = { protocol: protocol as Protocol };
const journal = emptyJournal();

/** What looks like packets in binary data is none. */
const PHOTO = Buffer.concat([Buffer.from("#D#1;2\r\n#XYZ\xff\x02\x00", "latin1"), Buffer.alloc(700, "#SD#\r\n")]);

/** Everything a tracker says, round and round; speed 999 is an error to the server. */
function message(index: number): WialonPacket {
  const points = Array.from({ length: 1 + (index % 7) }, (_, point) =>
    index % 2 === 0 ? shortData(point) : data(point),
  );
  const kinds = [
    () => line("SD", shortData(index), options),
    () => line("D", data(index), options),
    () => line("P", "", options),
    () => blackBox(points, options),
    () => binary("I", PHOTO, "0;1;211126;133000;sample.jpg", options),
    () => line("SD", shortData(999), options),
    () => compressed(blackBox(points, options)),
    () => line("M", "hello; driver", options),
    () => line("IT", "211126;133000;driver1;;3", options),
    () => binary("T", PHOTO.subarray(index % 9), "0", options),
    () => compressed(line("D", data(index), options)),
  ];
  return kinds[index % kinds.length]!();
}

/** Counts lines that begin with the answers' `#A`, wherever they are cut. */
class Answers {
  #count = 0;
  #text = "";
  #wake = (): void => {};

  constructor(socket: Socket) {
    socket.on("data", (chunk: Buffer) => {
      const lines = (this.#text + chunk.toString("latin1")).split("\r\n");
      this.#text = lines.pop()!;
      this.#count += lines.filter((text) => text.startsWith("#A")).length;
      this.#wake();
    });
  }

  async reach(count: number): Promise<void> {
    while (this.#count < count) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

async function send(socket: Socket, packet: WialonPacket): Promise<void> {
  const size = Number(writeBytes);
  note(journal, packet);
  for (let at = 0; at < packet.bytes.length; at += size) {
    const piece = packet.bytes.subarray(at, at + size);
    await new Promise<void>((resolve) => void socket.write(piece, () => resolve()));
  }
}

async function converse(): Promise<void> {
  const socket = createConnection(Number(port), host);
  await once(socket, "connect");
  socket.setNoDelay(true);
  const answers = new Answers(socket);
  const version = protocol === "2.0" ? "2.0;" : "";
  await send(socket, line("L", `${version}356307042441013;s3cret`, options));
  await answers.reach(1);
  const count = Number(messages);
  for (let index = 0; index < count; index++) {
    await send(socket, message(index));
    // Up to three under way.
    await answers.reach(index);
  }
  await answers.reach(count + 1);
  socket.end();
  await once(socket, "close");
}

await Promise.all(Array.from({ length: Number(connections) }, converse));
process.stdout.write(`${JSON.stringify(journal)}\n`);
