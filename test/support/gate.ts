import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** What stands before a server on the way from its clients, and lets them through, or not. */
export class Gate implements AsyncDisposable {
  readonly port: number;
  /** Where the server listens. */
  target = 0;
  /** Connections that were let in. */
  connections = 0;
  #server: Server;
  #isSilent = false;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.port = port;
    this.#server = server;
  }

  /** Makes one that is open. */
  static async start(): Promise<Gate> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const gate = new Gate(server, (server.address() as AddressInfo).port);
    server.on("connection", (client) => gate.#serve(client));
    return gate;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Refuses connections, and resets those there are: as where nobody listens. */
  async shut(): Promise<void> {
    this.#server.close();
    this.#cut();
    if (this.#server.listening) await once(this.#server, "close");
  }

  /** Takes connections, and what comes on them, and lets nothing through: as a firewall that drops packets. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Lets all through again; what was lost stays lost, and its connections are reset. */
  async open(): Promise<void> {
    this.#isSilent = false;
    this.#cut();
    if (this.#server.listening) return;
    this.#server = createServer((client) => this.#serve(client));
    this.#server.listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shut();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  #serve(client: Socket): void {
    this.connections++;
    const server = connect(this.target, "127.0.0.1");
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      socket.on("data", (chunk) => {
        if (!this.#isSilent) other.write(chunk);
      });
    }
  }
}
