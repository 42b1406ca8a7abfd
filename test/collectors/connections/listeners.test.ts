import assert from "node:assert/strict";
import { test } from "node:test";
import { Listeners } from "../../../src/collectors/connections/listeners.ts";
import { socketOf } from "./sockets.ts";

function listeningOn(...ends: readonly string[]): (connection: string) => boolean {
  const listeners = new Listeners();
  for (const end of ends) {
    const [local, isIpv6Only] = end.split(" v6only");
    listeners.add(Object.assign(socketOf(`listen ${local}`), { isIpv6Only: isIpv6Only !== undefined }));
  }
  return (local) => listeners.has(socketOf(`established ${local} 203.0.113.1`));
}

test("a listener on all addresses of IPv4 takes those, on its port", () => {
  const has = listeningOn("0.0.0.0 443");
  assert.deepEqual(["192.0.2.1 443", "192.0.2.1 80", "2001:db8::1 443"].map(has), [true, false, false]);
});

test("a listener on all addresses of IPv6 takes IPv4 too, unless it refuses to", () => {
  const ends = ["2001:db8::1 443", "192.0.2.1 443", "192.0.2.1 80"];
  assert.deepEqual(ends.map(listeningOn(":: 443")), [true, true, false]);
  assert.deepEqual(ends.map(listeningOn(":: 443 v6only")), [true, false, false]);
});

test("a listener on one address takes that one", () => {
  const has = listeningOn("192.0.2.1 443", "192.0.2.2 443", "2001:db8::1 80", "127.0.0.1 22");
  assert.deepEqual(["192.0.2.1 443", "192.0.2.2 443", "192.0.2.3 443"].map(has), [true, true, false]);
  assert.deepEqual(["2001:db8::1 80", "2001:db8::2 80", "2001:db8::1 443"].map(has), [true, false, false]);
});

test("many addresses that share a port, each listened on many times, cost a look-up little", () => {
  const listeners = new Listeners();
  const socket = socketOf("listen 10.0.0.0 443");
  for (let index = 0; index < 40_000; index++) {
    socket.local[3] = 0x0a00_0000 + (index % 10_000);
    listeners.add(socket);
  }
  const start = performance.now();
  let found = 0;
  for (let index = 0; index < 100_000; index++) {
    socket.local[3] = 0x0a00_0000 + (index % 20_000);
    if (listeners.has(socket)) found++;
  }
  assert.equal(found, 50_000);
  // one by one it would be ten seconds
  assert.ok(performance.now() - start < 1000);
});
