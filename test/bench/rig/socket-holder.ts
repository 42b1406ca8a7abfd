/**
 * Holds both ends of TCP connections to random addresses, which must all be this host's: `node socket-holder.ts PORT
 * CONNECTIONS`. Without Node's own sockets, which take a hundred times the memory. Says "ready" when all stand.
 */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import koffi from "koffi";
import { Child } from "./child.ts";
import { type Rig, SENDER_CPU } from "./rig.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
/** Descriptors that a process needs for itself. */
const OWN_DESCRIPTORS = 100;
/** Each holder has a port of its own: what others left behind keeps theirs for a while. */
let nextPort = 9200;

/** Connections that are held, by as many processes as the limit of descriptors asks for. */
export class HeldConnections implements AsyncDisposable {
  readonly #rig: Rig;
  readonly #holders: Child[] = [];

  private constructor(rig: Rig) {
    this.#rig = rig;
  }

  /** Makes all addresses of IPv4 the listener's own as long as the connections stand. */
  static async open(rig: Rig, connections: number): Promise<HeldConnections> {
    const held = new HeldConnections(rig);
    rig.listener.ip("route", "add", "local", "default", "dev", "lo");
    const limit = Number(execFileSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }));
    const most = Math.floor((limit - OWN_DESCRIPTORS) / 2);
    for (let left = connections; left > 0; left -= most) {
      const command = [process.execPath, import.meta.filename, `${nextPort++}`, `${Math.min(left, most)}`];
      const holder = new Child(rig, rig.listener, SENDER_CPU, command);
      held.#holders.push(holder);
      await holder.until("holds its connections", () => holder.output.includes("ready"));
    }
    return held;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const holder of this.#holders) await holder.stop();
    this.#rig.listener.ip("route", "del", "local", "default", "dev", "lo");
  }
}

function hold(port: number, connections: number): void {
  const libc = koffi.load("libc.so.6");
  const socket = libc.func("int socket(int domain, int type, int protocol)");
  const bind = libc.func("int bind(int fd, const uint8_t *address, uint32_t length)");
  const listen = libc.func("int listen(int fd, int backlog)");
  const connect = libc.func("int connect(int fd, const uint8_t *address, uint32_t length)");
  const accept = libc.func("int accept(int fd, void *address, void *length)");
  const to = (...address: readonly number[]): Uint8Array =>
    Uint8Array.from([AF_INET, 0, port >> 8, port & 0xff, ...address, ...new Uint8Array(8)]);
  const server: number = socket(AF_INET, SOCK_STREAM, 0);
  assert.equal(bind(server, to(0, 0, 0, 0), 16), 0);
  assert.equal(listen(server, 128), 0);
  const octet = (least: number, most: number): number => least + Math.floor(Math.random() * (most - least + 1));
  for (let count = 0; count < connections; count++) {
    const address = to(octet(11, 126), octet(0, 255), octet(0, 255), octet(1, 254));
    assert.equal(connect(socket(AF_INET, SOCK_STREAM, 0), address, 16), 0);
    assert.ok(accept(server, null, null) >= 0);
  }
  console.log("ready");
  setInterval(() => {}, 2 ** 30);
}

if (import.meta.main) hold(Number(process.argv[2]), Number(process.argv[3]));
