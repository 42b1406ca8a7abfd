import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { Agent } from "node:http";
import { buffer, text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { ask, begin, portOf, RawClient, serve } from "./client.ts";
import { until } from "../support/waiting.ts";
import { FakeSite, HeldPage, pageOf } from "./fake-site.ts";

const REQUEST = "GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n";

describe("limits", () => {
  for (const [what, sent] of [
    ["nothing", ""],
    ["half a line", "GET /metr"],
    ["headers without an end", "GET /metrics HTTP/1.1\r\nHost: a\r\nA: b\r\n"],
  ]) {
    test(`a client that sends ${what} is cut`, async () => {
      await using server = await serve(new FakeSite(), {}, { headersMs: 50, checkMs: 10 });
      using client = new RawClient(portOf(server));
      client.send(sent ?? "");
      assert.equal(await client.closed, undefined);
      assert.match(client.received, /^HTTP\/1.1 408 /);
    });
  }

  test("a client that sends its headers byte by byte is cut", async () => {
    await using server = await serve(new FakeSite(), {}, { headersMs: 50, checkMs: 10 });
    using client = new RawClient(portOf(server));
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\nA: ");
    const sending = setInterval(() => client.send("b"), 5);
    await client.until("408 ");
    clearInterval(sending);
  });

  test("headers over 8 KiB are refused, below they are read", async () => {
    await using server = await serve(new FakeSite());
    const small = await ask(server, "/metrics", { headers: { Padding: "x".repeat(7_000) } });
    assert.equal(small.status, 200);
    using client = new RawClient(portOf(server));
    client.send(`GET /metrics HTTP/1.1\r\nHost: a\r\nPadding: ${"x".repeat(9_000)}\r\n\r\n`);
    await client.closed;
    assert.match(client.received, /^HTTP\/1.1 431 /);
  });

  test("what is not HTTP is refused", async () => {
    await using server = await serve(new FakeSite());
    using client = new RawClient(portOf(server));
    client.send("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    await client.closed;
    assert.match(client.received, /^HTTP\/1.1 400 /);
    assert.equal((await ask(server, "/-/healthy")).status, 200);
  });

  test("a connection serves request after request, and is closed when it has been idle", async () => {
    await using server = await serve(new FakeSite(), {}, { idleMs: 100 });
    using client = new RawClient(portOf(server));
    for (let count = 1; count <= 3; count++) {
      client.send(REQUEST);
      await client.until("Healthy\n");
      assert.match(client.received, /Connection: keep-alive/);
      client.received = "";
    }
    assert.equal(await client.closed, undefined);
  });

  test("a connection too many takes the place of the one that has been silent the longest", async () => {
    const site = new FakeSite();
    await using server = await serve(site, {}, { connections: 3 });
    using first = new RawClient(portOf(server));
    using second = new RawClient(portOf(server));
    using third = new RawClient(portOf(server));
    for (const client of [first, second, third, first]) {
      client.received = "";
      client.send(REQUEST);
      await client.until("Healthy");
    }
    assert.equal((await ask(server, "/-/healthy")).status, 200);
    assert.equal(await second.closed, "ECONNRESET");
    first.received = "";
    first.send(REQUEST);
    await first.until("Healthy");
    assert.deepEqual(site.refusals, ["silent_connection"]);
  });

  test("a connection too many is closed if all are waited for, and there is room again when one is not", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    await using server = await serve(site, {}, { connections: 2 });
    const messages = await Promise.all([begin(server, "/metrics"), begin(server, "/metrics")]);
    using third = new RawClient(portOf(server));
    assert.equal(await third.closed, "ECONNRESET");
    assert.deepEqual(site.refusals, ["connections"]);
    held.release();
    for (const message of messages) await buffer(message);
    assert.equal((await ask(server, "/-/healthy")).status, 200);
  });

  test("a client has so many connections, and takes the place of none but its own", async () => {
    await using server = await serve(new FakeSite(), {}, { connectionsPerClient: 2 });
    const own = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const client = new RawClient(portOf(server));
        client.send(REQUEST);
        await Promise.race([client.until("Healthy").catch(() => {}), client.closed]);
        return client;
      }),
    );
    await Promise.race(own.map(({ closed }) => closed));
    assert.equal((await ask(server, "/-/healthy", { localAddress: "127.0.0.2" })).status, 200);
    const cut = own.filter(({ socket }) => socket.destroyed);
    assert.equal(cut.length, 1);
    for (const client of own) client[Symbol.dispose]();
  });

  test("if all places are taken, the client with the most of them loses one", async () => {
    await using server = await serve(new FakeSite(), {}, { connections: 4 });
    const agent = new Agent({ keepAlive: true, localAddress: "127.0.0.2" });
    const idle = await ask(server, "/-/healthy", { agent });
    assert.equal(idle.status, 200);
    const [kept] = Object.values(agent.freeSockets).flat();
    const many = Array.from({ length: 10 }, () => new RawClient(portOf(server)));
    assert.equal((await ask(server, "/-/healthy", { localAddress: "127.0.0.3" })).status, 200);
    assert.equal(kept?.destroyed, false);
    agent.destroy();
    for (const client of many) client[Symbol.dispose]();
  });

  test("a page that nobody reads gives way to one that is asked for, one that is made does not", async () => {
    const site = new FakeSite();
    const held = new HeldPage(async function* () {
      const chunk = Buffer.alloc(2 ** 16, "a");
      for (;;) yield chunk;
    });
    site.source = () => held.page();
    await using server = await serve(site, { maxRequests: 1 }, { slowMs: 20 });
    const slow = await begin(server, "/metrics");
    slow.on("error", () => {});
    slow.pause();
    assert.equal((await ask(server, "/metrics", { localAddress: "127.0.0.2" })).status, 503);
    held.release();
    site.source = () => pageOf("up 1\n");
    const answer = await until("there is a place", async () => {
      const { status, text: page } = await ask(server, "/metrics", { localAddress: "127.0.0.2" });
      return status === 200 ? page : undefined;
    });
    assert.equal(answer, "up 1\n");
    await held.ended;
    assert.equal(site.refusals.at(-1), "slow_page");
  });

  test("a connection takes as many requests as its client has answers read", async () => {
    await using server = await serve(new FakeSite(), {}, { unansweredRequests: 2 });
    using client = new RawClient(portOf(server));
    for (let request = 0; request < 10; request++) {
      client.received = "";
      client.send(REQUEST);
      await client.until("Healthy\n");
      assert.match(client.received, /Connection: keep-alive/);
    }
  });

  test("requests sent without reading are answered in order, as many as may wait", async () => {
    await using server = await serve(new FakeSite());
    using client = new RawClient(portOf(server));
    client.send(REQUEST.repeat(255) + REQUEST.replace("Host", "Connection: close\r\nHost"));
    assert.equal(await client.closed, undefined);
    const answers = client.received.split(/(?=HTTP\/1\.1 )/);
    assert.equal(answers.length, 256);
    assert.ok(answers.every((answer) => answer.startsWith("HTTP/1.1 200 ") && answer.endsWith("Healthy\n")));
    const closing = answers.flatMap((answer, index) => (answer.includes("Connection: close") ? [index] : []));
    assert.deepEqual(closing, [255]);
  });

  test("a client that sends more of them while a page is made is cut, and nothing else is", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    await using server = await serve(site, {}, { graceMs: 20 });
    using client = new RawClient(portOf(server));
    const page = REQUEST.replace("/-/healthy", "/metrics");
    client.send(page.repeat(256));
    await client.until("begin");
    client.send(page.repeat(10_000));
    await client.closed;
    assert.equal((await ask(server, "/-/healthy")).status, 200);
    held.release();
    assert.deepEqual(site.failures, []);
  });

  test("the limit of pages at once is one over all addresses", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    const address = { kind: "tcp", host: "127.0.0.1", port: 0 } as const;
    await using server = await serve(site, { listen: [address, address], maxRequests: 1 });
    const message = await begin(server, "/metrics");
    assert.equal((await ask(server, "/metrics", { port: portOf(server, 1) })).status, 503);
    held.release();
    await buffer(message);
    assert.equal((await ask(server, "/metrics", { port: portOf(server, 1) })).status, 200);
  });
});

describe("other addresses", () => {
  const free = (host: string) => ({ kind: "tcp", host, port: 0 }) as const;

  test("are served at once with those before, share their limit of pages, and are the only ones in the end", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    await using server = await serve(site, { maxRequests: 1 });
    const [first] = server.addresses;
    const before = portOf(server);
    const change = await server.change([free("127.0.0.2")]);
    const at = { host: "127.0.0.2", port: Number(/\d+$/.exec(change.added[0]!)) };
    const message = await begin(server, "/metrics");
    assert.equal((await ask(server, "/metrics", at)).status, 503);
    held.release();
    await buffer(message);
    assert.equal((await ask(server, "/metrics", at)).status, 200);
    await change.commit();
    assert.deepEqual([server.addresses, server.addresses.includes(first!)], [change.added, false]);
    await assert.rejects(ask(server, "/-/healthy", { port: before }), { code: "ECONNREFUSED" });
  });

  test("go again if they are not wanted after all, or one of them can't be had", async () => {
    await using server = await serve(new FakeSite());
    const { addresses } = server;
    const change = await server.change([free("127.0.0.1"), free("127.0.0.2")]);
    assert.equal(change.added.length, 1);
    await change.undo();
    const taken = { kind: "tcp", host: "127.0.0.1", port: portOf(server) } as const;
    await assert.rejects(
      server.change([free("127.0.0.2"), taken]),
      /couldn't listen on 127\.0\.0\.1:\d+: the port is taken/,
    );
    assert.deepEqual(server.addresses, addresses);
    assert.equal((await ask(server, "/-/healthy")).status, 200);
  });
});

describe("the end", () => {
  test("lets an answer in progress end, and takes no new connection", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    const server = await serve(site, {}, { graceMs: 60_000 });
    const agent = new Agent({ keepAlive: true });
    const message = await begin(server, "/metrics", { agent });
    const disposed = server[Symbol.asyncDispose]();
    await assert.rejects(ask(server, "/-/healthy"), { code: "ECONNREFUSED" });
    held.release();
    assert.equal((await buffer(message)).toString(), "begin\nend\n");
    // The connection would be kept alive for longer than the test may take.
    await disposed;
    agent.destroy();
  });

  test("cuts an answer that takes too long", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    const server = await serve(site, {}, { graceMs: 20 });
    const message = await begin(server, "/metrics");
    const broken = assert.rejects(buffer(message), { code: "ECONNRESET" });
    await server[Symbol.asyncDispose]();
    await broken;
    held.release();
    await held.ended;
    assert.deepEqual(site.failures, []);
  });

  test("does not wait for connections that are idle", async () => {
    const server = await serve(new FakeSite(), {}, { graceMs: 60_000 });
    using client = new RawClient(portOf(server));
    client.send(REQUEST);
    await client.until("Healthy");
    await server[Symbol.asyncDispose]();
    assert.equal(await client.closed, undefined);
  });

  test("leaves nothing that keeps the process alive", async () => {
    const module = (path: string) => JSON.stringify(new URL(path, import.meta.url).href);
    const script = `
      const { ask, serve, begin } = await import(${module("./client.ts")});
      const { FakeSite, HeldPage } = await import(${module("./fake-site.ts")});
      const site = new FakeSite();
      const server = await serve(site, {}, { graceMs: 20 });
      console.log((await ask(server, "/metrics")).status);
      const held = new HeldPage();
      site.source = () => held.page();
      const message = await begin(server, "/metrics");
      message.on("error", () => {});
      await server[Symbol.asyncDispose]();
      console.log("disposed");`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 20_000,
    });
    const [output, [status, signal]] = await Promise.all([text(child.stdout), once(child, "exit")]);
    // 13 is Node's status when the end comes while an await of the top level waits: not here.
    assert.deepEqual([output, status, signal], ["200\ndisposed\n", 0, null]);
  });
});
