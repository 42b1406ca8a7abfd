/*
 * A server of Wialon IPS: answers every packet, sends commands of its own in between, and prints what it sent on each
 * connection when that is over.
 *
 *     node server.ts PORT BYTES-A-WRITE
 */
import { createServer, type Socket } from "node:net";
import { inflateSync } from "node:zlib";
import { emptyJournal, note } from "./journal.ts";
import { binary, line, type Protocol, type WialonPacket } from "./packets.ts";

const [port = "", writeBytes = ""] = process.argv.slice(2);
const FIRMWARE = Buffer.alloc(14 * 64, "#QI#\r\n#L#1;2\r\n");

/** Takes whole packets off the front of what was received; each is its type and the text of its line. */
class Inbox {
  #bytes = Buffer.alloc(0);

  add(chunk: Buffer): { type: string; text: string }[] {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const packets: { type: string; text: string }[] = [];
    for (let packet = this.#next(); packet !== undefined; packet = this.#next()) packets.push(packet);
    return packets;
  }

  #next(): { type: string; text: string } | undefined {
    if (this.#bytes[0] === 0xff) return this.#nextCompressed();
    const end = this.#bytes.indexOf("\r\n");
    if (end < 0) return undefined;
    const [, type = "", text = ""] = this.#bytes.subarray(0, end).toString("latin1").split("#");
    const announced = type === "I" ? text.split(";")[0] : type === "T" ? text.split(";")[1] : "0";
    const total = end + 2 + Number(announced);
    if (this.#bytes.length < total) return undefined;
    this.#bytes = this.#bytes.subarray(total);
    return { type, text };
  }

  #nextCompressed(): { type: string; text: string } | undefined {
    const total = 3 + (this.#bytes.length < 3 ? 0 : this.#bytes.readUInt16LE(1));
    if (this.#bytes.length < total) return undefined;
    const [, type = "", text = ""] = inflateSync(this.#bytes.subarray(3, total)).toString("latin1").split("#");
    this.#bytes = this.#bytes.subarray(total);
    return { type, text: text.trimEnd() };
  }
}

function answerTo(type: string, text: string): string {
  if (type === "P") return "";
  if (type === "B") return `${text.split("|").filter((part) => part.includes(";")).length}`;
  if (type === "I" || type === "T") return "0;1";
  return text.includes(";999;") ? "-1" : "1";
}

function serve(socket: Socket): void {
  const journal = emptyJournal();
  const inbox = new Inbox();
  let protocol: Protocol = "1.1";
  let count = 0;
  const send = (packet: WialonPacket): void => {
    note(journal, packet);
    const size = Number(writeBytes);
    for (let at = 0; at < packet.bytes.length; at += size) socket.write(packet.bytes.subarray(at, at + size));
  };
  socket.setNoDelay(true);
  socket.on("data", (chunk: Buffer) => {
    for (const { type, text } of inbox.add(chunk)) {
      if (type === "L" && text.startsWith("2.0;")) protocol = "2.0";
      send(line(`A${type}`, answerTo(type, text), { protocol }));
      if (++count % 5 === 0) send(line("QI", "", { protocol }));
      if (count % 7 === 0) send(binary(count % 2 === 0 ? "US" : "UC", FIRMWARE, "", { protocol }));
      if (count % 11 === 0) send(line("M", "call home", { protocol }));
      if (count % 13 === 0) send(line("QT", "driver1", { protocol }));
    }
  });
  socket.on("close", () => process.stdout.write(`${JSON.stringify(journal)}\n`));
}

// Half open, so that what is sent last is not cut off by the other side's end.
createServer(serve).listen(Number(port), "::", () => process.stdout.write("listening\n"));
