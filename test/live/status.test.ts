import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { ipv4Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { until } from "../support/waiting.ts";

const PORT = 9112;
const FRAME = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 1000 });
const COUNT = 500;
/** As a browser says. */
const KEPT = ["-H", "Connection: keep-alive"];
/** What the page makes of the bytes that were sent. */
const SUM = "500 kB";

test(
  "the status page tells what was sent, live, and addresses to this machine alone",
  liveOptions("curl", "w3m"),
  async () => {
    using namespace = new Namespace();
    namespace.addVeth("veth0", "veth1");
    namespace.ip("address", "add", "192.0.2.1/32", "dev", "lo");
    const listen = ["--web.listen-address", `0.0.0.0:${PORT}`];
    await using promtap = await RunningPromtap.start(namespace, ["-i", "veth0", "-r", "10.0.0.0/24", ...listen]);
    const url = (host: string, path: string) => `http://${host}:${PORT}${path}`;
    const curl = namespace.spawn(["curl", "-sN", ...KEPT, url("127.0.0.1", "/-/status/events")]);
    let events = "";
    curl.stdout!.on("data", (chunk: Buffer) => (events += chunk.toString()));
    await until("there is an event", () => events.includes("\n\n"));
    await send(namespace, "veth1", [FRAME], { count: COUNT });
    await until("the sum is told", () => events.includes("10.0.0.1") && events.includes(SUM));
    const own = namespace.run("curl", "-sS", ...KEPT, url("127.0.0.1", "/"));
    assert.match(own, /<bdi>veth0<\/bdi>/);
    assert.match(own, new RegExp(`<bdi>10\\.0\\.0\\.2</bdi>[^]*?${SUM}`));
    const still = namespace.run("w3m", "-dump", "-cols", "100", url("127.0.0.1", "/"));
    assert.match(still, /as it was when the page was loaded[^]*As of\n +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/);
    assert.match(still, /^Interface +State +Kind .*Lost\n\n? *veth0 +up +veth /m);
    assert.match(still, /^Addresses\n[^]*^By rate\n[^]*^By sum\n[^]*^ *10\.0\.0\.2 veth0 .* 500 kB$/m);
    const others = namespace.run("curl", "-sS", ...KEPT, "--interface", "192.0.2.1", url("192.0.2.1", "/"));
    assert.match(others, /<bdi>veth0<\/bdi>/);
    assert.doesNotMatch(others, /10\.0\.0\./);
    const ended = once(curl, "close");
    assert.equal((await promtap.stop()).status, 0);
    await ended;
  },
);

test("what the status page shows is chosen by a flag", liveOptions(), async () => {
  using namespace = new Namespace();
  namespace.addVeth("veth0", "veth1");
  const bodies: Record<string, string> = {};
  for (const what of ["off", "summary", "full"]) {
    await using promtap = await RunningPromtap.start(namespace, [
      "-i",
      "veth0",
      "-r",
      "10.0.0.0/24",
      "--web.status",
      what,
    ]);
    bodies[what] = (await promtap.get("/")).body;
  }
  assert.match(bodies["off"]!, /<li>veth0<\/li>/);
  assert.doesNotMatch(bodies["summary"]!, /Addresses/);
  assert.match(bodies["full"]!, /Addresses/);
});
