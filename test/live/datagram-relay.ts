/*
 * A program: passes each datagram that comes on 127.0.0.1 on to several ports there.
 *
 *     node datagram-relay.ts LISTEN_PORT TARGET_PORT...
 */
import { createSocket } from "node:dgram";

const [listenPort, ...targetPorts] = process.argv.slice(2).map(Number);

const socket = createSocket({ type: "udp4", recvBufferSize: 2 ** 20 });
socket.on("message", (datagram) => {
  for (const port of targetPorts) socket.send(datagram, port, "127.0.0.1");
});
socket.bind(listenPort, "127.0.0.1");
