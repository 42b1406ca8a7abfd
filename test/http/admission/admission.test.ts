import assert from "node:assert/strict";
import { once } from "node:events";
import { BlockList, connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import type { Access } from "../../../src/http/admission/access.ts";
import { type RefusalCounts, Refusals } from "../../../src/http/admission/refusals.ts";
import type { Server } from "../../../src/http/server.ts";
import { ask, begin, portOf, RawClient, serve } from "../client.ts";
import { FakeSite, HeldPage } from "../fake-site.ts";

function prefixes(...texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", length] = text.split("/");
    list.addSubnet(address, Number(length), address.includes(":") ? "ipv6" : "ipv4");
  }
  return list;
}

/** What nobody gets through. */
const CLOSED: Access = {
  isProtected: false,
  protection: async () => undefined,
  judge: async () => ({ headers: new Map(), refusal: { status: 401, reason: "password" } }),
};

const from = (localAddress: string) => ({ localAddress });

describe("from where connections may come", () => {
  test("one from elsewhere is ended at once, without an answer", async () => {
    const site = new FakeSite();
    await using server = await serve(site, { rules: { allow: prefixes("127.0.0.2/31", "2001:db8::/32") } });
    assert.equal((await ask(server, "/metrics", from("127.0.0.2"))).status, 200);
    assert.equal((await ask(server, "/metrics", from("127.0.0.3"))).status, 200);
    await assert.rejects(ask(server, "/metrics"), { code: "ECONNRESET" });
    assert.deepEqual(site.refusals, ["address"]);
  });

  test("an IPv4 address is one at an address of IPv6 too", async () => {
    const site = new FakeSite();
    const listen = [{ kind: "tcp", host: undefined, port: 0 }] as const;
    await using server = await serve(site, { listen, rules: { allow: prefixes("127.0.0.2/32") } });
    assert.equal((await ask(server, "/metrics", from("127.0.0.2"))).status, 200);
    await assert.rejects(ask(server, "/metrics"), { code: "ECONNRESET" });
  });

  test("health may be asked for by anybody, and nothing else", async () => {
    const site = new FakeSite();
    const rules = { allow: prefixes("127.0.0.2/32"), isHealthOpen: true, access: CLOSED };
    await using server = await serve(site, { rules });
    assert.equal((await ask(server, "/-/healthy")).text, "Healthy\n");
    assert.equal((await ask(server, "/-/healthy?a=b", from("127.0.0.2"))).status, 200);
    const refused = await ask(server, "/metrics");
    assert.deepEqual([refused.status, refused.text], [403, "Forbidden\n"]);
    for (const path of ["/-/healthy/", "/-/../metrics", "//metrics", "/-/ready"]) {
      assert.equal((await ask(server, path)).status, 403, path);
      assert.equal((await ask(server, path, from("127.0.0.2"))).status, 401, path);
    }
  });

  test("other rules count for the next request of a connection there is", async () => {
    await using server = await serve(new FakeSite());
    using client = new RawClient(portOf(server));
    const request = "GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n";
    client.send(request);
    await client.until("up 1");
    const change = await server.change([{ kind: "tcp", host: "127.0.0.1", port: 0 }], {
      allow: prefixes("10.0.0.0/8"),
    });
    client.send(request);
    await client.until("up 1");
    await change.commit();
    client.send(request);
    await client.until("403 Forbidden");
  });
});

/** A client that begins a request and goes on with nothing. */
async function openSlowly(server: Server, host = "127.0.0.1"): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port: portOf(server), localAddress: host });
  socket.on("error", () => {});
  await once(socket, "connect");
  socket.write("GET /metrics HTTP/1.1\r\nHost:");
  return socket;
}

describe("a scraper beside clients that hold what they can", () => {
  for (const [who, address] of [
    ["from another address", "127.0.0.2"],
    ["from the same address", "127.0.0.1"],
  ] as const) {
    test(`is served: ${who}`, async () => {
      const site = new FakeSite();
      site.source = async function* () {
        const chunk = Buffer.alloc(2 ** 16, "a\n");
        for (let count = 0; count < 200; count++) yield chunk;
      };
      await using server = await serve(site, {}, { slowMs: 0 });
      const sockets = await Promise.all(Array.from({ length: 600 }, async () => openSlowly(server)));
      const readers = Array.from({ length: 40 }, () => new RawClient(portOf(server)));
      for (const reader of readers) {
        reader.socket.pause();
        reader.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
      }
      for (let scrape = 0; scrape < 3; scrape++) {
        const { status, body } = await ask(server, "/metrics", from(address));
        assert.deepEqual([status, body.length], [200, 200 * 2 ** 16]);
      }
      for (const socket of sockets) socket.destroy();
      for (const reader of readers) reader[Symbol.dispose]();
    });
  }

  test("is served though each of them comes from an address of its own", async () => {
    await using server = await serve(new FakeSite(), {}, { connections: 50 });
    const hosts = Array.from({ length: 100 }, (_, index) => `127.0.1.${index + 1}`);
    const sockets = await Promise.all(hosts.map((host) => openSlowly(server, host)));
    assert.equal((await ask(server, "/metrics")).text, "up 1\n");
    for (const socket of sockets) socket.destroy();
  });

  test("clients in one network of IPv6 that a host has for itself are one", async () => {
    const { Connection } = await import("../../../src/http/admission/connection.ts");
    const clientAt = (remoteAddress: string | undefined) => new Connection({ remoteAddress } as Socket).client;
    assert.equal(clientAt("2001:db8::1"), clientAt("2001:db8:0:0:ffff::2"));
    assert.notEqual(clientAt("2001:db8::1"), clientAt("2001:db8:0:1::1"));
    assert.notEqual(clientAt("::1"), clientAt("fe80::1%eth0"));
    assert.equal(clientAt("::ffff:192.0.2.1"), "192.0.2.1");
    assert.notEqual(clientAt("192.0.2.1"), clientAt("192.0.2.2"));
  });
});

test("refusals are told at once, and what follows when a while is over", async () => {
  const told: RefusalCounts[] = [];
  const { promise: toldTwice, resolve } = Promise.withResolvers<void>();
  using refusals = new Refusals((counts) => {
    told.push(counts);
    if (told.length === 2) resolve();
  }, 20);
  refusals.count("rate");
  for (const reason of ["rate", "rate", "password"] as const) refusals.count(reason);
  const keepsAlive = setInterval(() => {}, 1_000);
  await toldTwice;
  clearInterval(keepsAlive);
  assert.deepEqual(told, [{ rate: 1 }, { rate: 2, password: 1 }]);
  assert.equal(refusals.counts.rate, 3);
});

test("pages that are being made keep a client out, and others not", async () => {
  const site = new FakeSite();
  const held = new HeldPage();
  site.source = () => held.page();
  await using server = await serve(site, { maxRequests: 4 });
  const messages = await Promise.all(Array.from({ length: 3 }, () => begin(server, "/metrics")));
  assert.equal((await ask(server, "/metrics")).status, 503);
  messages.push(await begin(server, "/metrics", from("127.0.0.2")));
  assert.equal((await ask(server, "/metrics", from("127.0.0.3"))).status, 503);
  assert.deepEqual(site.refusals, ["pages", "pages"]);
  held.release();
  for (const message of messages) message.resume();
});
