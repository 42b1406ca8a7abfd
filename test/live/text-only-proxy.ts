/*
 * A program: takes requests on 127.0.0.1 and passes them on, but asks for the text format whatever was asked for. It
 * stands between promtap and a Prometheus that cannot be told to prefer it (before 2.49).
 *
 *     node text-only-proxy.ts LISTEN_PORT TARGET_PORT
 */
import { createServer, request } from "node:http";
import { pipeline } from "node:stream";

const [listenPort, targetPort] = process.argv.slice(2).map(Number);

createServer((asked, answer) => {
  const headers = { ...asked.headers, accept: "text/plain;version=0.0.4" };
  const passedOn = request({ host: "127.0.0.1", port: targetPort, path: asked.url, headers }, (response) => {
    // Nobody waits any more, and `pipeline` would throw.
    if (answer.destroyed) {
      response.destroy();
      return;
    }
    answer.writeHead(response.statusCode ?? 502, response.headers);
    pipeline(response, answer, () => {});
  });
  passedOn.on("error", () => answer.destroy());
  passedOn.end();
}).listen(listenPort, "127.0.0.1");
