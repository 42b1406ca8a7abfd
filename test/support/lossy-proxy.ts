import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { Kafka } from "./kafka.ts";

/** Of a request's head: its length in 4 bytes, then what is asked for. */
const API_KEY = 4;
/** Kinds of requests, by Kafka's numbers. */
export const PRODUCE = 0;
export const OFFSET_FETCH = 9;

/** A broker that sends its clients by way of a proxy; `kind`: of the requests whose answers the proxy may lose. */
export async function startKafkaBehindProxy(kind: number): Promise<{ kafka: Kafka; proxy: LossyProxy }> {
  const proxy = await LossyProxy.start(kind);
  const rest = ["SSL", "SASL_PLAINTEXT", "SASL_SSL"].map((name) => `${name}://127.0.0.1:1`);
  const kafka = await Kafka.start(undefined, {
    "advertised.listeners": [`PLAINTEXT://${proxy.address}`, ...rest].join(","),
  });
  proxy.port = Number(kafka.address().split(":")[1]);
  return { kafka, proxy };
}

/** Stands between a client and a broker, and loses answers: the broker has done what it was asked, and nobody knows. */
export class LossyProxy implements AsyncDisposable {
  /** Answers to requests of its kind that are still to be lost. */
  left = 0;
  /** Where the broker listens. */
  port = 0;
  readonly #kind: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(kind: number) {
    this.#kind = kind;
    this.#server = createServer((client) => this.#serve(client));
  }

  /** `kind`: of the requests whose answers it may lose. */
  static async start(kind: number): Promise<LossyProxy> {
    const proxy = new LossyProxy(kind);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(client: Socket): void {
    const broker = connect(this.port, "127.0.0.1");
    let isLost = false;
    for (const [socket, other] of [
      [client, broker],
      [broker, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => other.destroy());
    }
    client.on("data", (chunk) => {
      if (this.left > 0 && chunk.readUInt16BE(API_KEY) === this.#kind) {
        this.left--;
        isLost = true;
      }
      broker.write(chunk);
    });
    broker.on("data", (chunk) => {
      if (isLost) client.destroy();
      else client.write(chunk);
    });
  }
}
