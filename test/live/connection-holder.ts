/*
 * A program: listens and connects as it is told, says "ready" when all its connections are made, and holds them, and
 * those that others make, until it is ended.
 *
 *     node connection-holder.ts '{"listen":[{"host":"::","port":8000}],"connect":[{"host":"…","port":1,"localAddress":"…"}]}'
 */
import { once } from "node:events";
import { connect, createServer, type ListenOptions, type Socket, type TcpNetConnectOpts } from "node:net";

/** What to hold. */
export interface Plan {
  listen?: ListenOptions[];
  connect?: TcpNetConnectOpts[];
}

const { listen = [], connect: peers = [] } = JSON.parse(process.argv[2]!) as Plan;
const held: Socket[] = [];

for (const options of listen) {
  const server = createServer((socket) => held.push(socket));
  await once(server.listen({ backlog: 1000, ...options }), "listening");
}
for (const peer of peers) {
  const socket = connect(peer);
  await once(socket, "connect");
  held.push(socket);
}
console.log("ready");
