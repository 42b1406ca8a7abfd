import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { isLocal } from "../../src/http/local.ts";
import type { StatusSite, Watcher } from "../../src/http/site.ts";
import { until } from "../support/waiting.ts";
import type { Server } from "../../src/http/server.ts";
import { type Answer, ask as askAs, begin, portOf, RawClient, serve } from "./client.ts";
import { FakeSite } from "./fake-site.ts";

/** A site with a page of its status, and those who watch it. */
class StatusFake extends FakeSite {
  readonly watchers = new Set<Watcher>();
  readonly status: StatusSite = {
    page: async (isTrusted, wanted) => (isTrusted ? "all" : "some") + wanted,
    data: async (isTrusted) => JSON.stringify({ isTrusted }),
    dataPath: "/-/status.json",
    files: new Map([["/-/status.css", { contentType: "text/css", body: Buffer.from("a{}") }]]),
    eventsPath: "/-/status/events",
    watch: (watcher) => {
      this.watchers.add(watcher);
      return () => this.watchers.delete(watcher);
    },
  };
}

interface Asking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
}

/** As a browser asks. */
function ask(server: Server, path: string, { headers, method = "GET" }: Asking = {}): Promise<Answer> {
  return askAs(server, path, { method, headers: { Connection: "keep-alive", ...headers } });
}

test("the page of the status stands at /, with its files, and runs nothing but those", async () => {
  await using server = await serve(new StatusFake());
  const page = await ask(server, "/");
  assert.equal(page.text, "all");
  assert.equal(page.headers["content-type"], "text/html; charset=utf-8");
  assert.match(
    String(page.headers["content-security-policy"]),
    /default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/,
  );
  const data = await ask(server, "/-/status.json");
  assert.deepEqual([data.text, data.headers["content-type"]], ['{"isTrusted":true}', "application/json"]);
  const style = await ask(server, "/-/status.css");
  assert.deepEqual([style.text, style.headers["content-type"]], ["a{}", "text/css"]);
  assert.equal((await ask(server, "/", { method: "HEAD" })).text, "");
  assert.equal((await ask(server, "/-/status/events", { method: "POST" })).status, 405);
});

test("what is searched for is told to the page, and no more of it than the field takes", async () => {
  await using server = await serve(new StatusFake());
  assert.equal((await ask(server, "/?find=+192.0.2.%26x+")).text, "all192.0.2.&x");
  assert.equal((await ask(server, `/?other=1&find=${"x".repeat(300)}`)).text, `all${"x".repeat(200)}`);
});

test("a page that can't be made is answered as such, and told", async () => {
  const site = new StatusFake();
  Object.assign(site.status, { page: () => Promise.reject(new Error("no page")) });
  await using server = await serve(site);
  assert.equal((await ask(server, "/")).status, 500);
  assert.deepEqual(site.failures.map(String), ["Error: no page"]);
});

test("without it the list of links stands at /, and nothing is watched", async () => {
  await using server = await serve(new FakeSite());
  assert.equal((await ask(server, "/")).text, "<h1>promtap</h1>\n");
  assert.equal((await ask(server, "/-/status/events")).status, 404);
});

for (const headers of [
  { "X-Forwarded-For": "192.0.2.1" },
  { "X-Forwarded-Host": "promtap.example.com" },
  { Forwarded: "for=192.0.2.1" },
  { "X-Real-IP": "192.0.2.1" },
  { Via: "1.1 proxy" },
  { Host: "promtap.example.com:9112" },
  { Host: "127.0.0.1.example.com" },
]) {
  test(`no address is shown to who came by way of ${JSON.stringify(headers)}`, async () => {
    await using server = await serve(new StatusFake());
    assert.equal((await ask(server, "/", { headers })).text, "some");
  });
}

for (const [version, header, shown] of [
  // nginx and HAProxy, as they are unless they are told to say more.
  ["1.0", "Connection: close", "some"],
  ["1.1", "Connection: close", "some"],
  ["1.1", "Accept: text/html", "some"],
  // Browsers, and those of terminals.
  ["1.1", "Connection: keep-alive", "all"],
  ["1.1", "Connection: TE, Keep-Alive", "all"],
  ["1.0", "Accept: text/html", "all"],
] as const) {
  test(`who says HTTP/${version} and ${header} is shown ${shown}, since proxies say nothing else`, async () => {
    await using server = await serve(new StatusFake());
    using client = new RawClient(portOf(server));
    client.send(`GET / HTTP/${version}\r\nHost: 127.0.0.1:9112\r\n${header}\r\n\r\n`);
    await until("there is an answer", () => /\r\n\r\n(?:all|some)$/.test(client.received));
    assert.match(client.received, new RegExp(`\r\n\r\n${shown}$`));
  });
}

test("HTTP/2 has to ask for a local name, too", () => {
  const request = (authority: string) =>
    ({ socket: { remoteAddress: "::1" }, headers: { ":authority": authority } }) as unknown as IncomingMessage;
  assert.equal(isLocal(request("localhost:9112")), true);
  assert.equal(isLocal(request("promtap.example.com:9112")), false);
});

test("addresses are shown to who has shown a password, wherever they ask from", async () => {
  const access = { isProtected: false, protection: async () => undefined };
  const judge = async () => ({ headers: new Map<string, string>(), isKnown: true });
  await using server = await serve(new StatusFake(), { rules: { access: { ...access, judge } } });
  assert.equal((await ask(server, "/", { headers: { Forwarded: "for=192.0.2.1" } })).text, "all");
});

test("events go to all who watch, and no more to who has gone", async () => {
  const site = new StatusFake();
  await using server = await serve(site);
  const [first, second] = [await begin(server, "/-/status/events"), await begin(server, "/-/status/events")];
  assert.equal(first.headers["content-type"], "text/event-stream");
  assert.equal(site.watchers.size, 2);
  for (const watcher of site.watchers) watcher.send("data: 1\n\n");
  for (const each of [first, second]) assert.equal(String((await once(each, "data"))[0]), "data: 1\n\n");
  first.destroy();
  await until("it has gone", () => site.watchers.size === 1);
  for (const watcher of site.watchers) watcher.end();
  assert.equal(await text(second), "");
});

test("a watcher that does not read is cut, before much waits for it", async () => {
  const site = new StatusFake();
  await using server = await serve(site);
  const slow = await begin(server, "/-/status/events");
  slow.pause();
  const event = `data: ${"x".repeat(100_000)}\n\n`;
  await until("it is cut", () => {
    for (const watcher of site.watchers) watcher.send(event);
    return site.watchers.size === 0;
  });
  slow.destroy();
});

test("a connection takes one place of those who watch, however often it asks", async () => {
  const site = new StatusFake();
  await using server = await serve(site);
  using client = new RawClient(portOf(server));
  client.send("GET /-/status/events HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
  await until("somebody watches", () => site.watchers.size > 0);
  assert.equal(site.watchers.size, 1);
});

test("only so many may watch, and not all of them for one client", async () => {
  const site = new StatusFake();
  await using server = await serve(site);
  const watching: IncomingMessage[] = [];
  const watch = async (count: number, localAddress: string): Promise<void> => {
    for (let each = 0; each < count; each++) {
      watching.push(await begin(server, "/-/status/events", { localAddress }));
      assert.equal(watching.at(-1)!.statusCode, 200);
    }
    assert.equal((await askAs(server, "/-/status/events", { localAddress })).status, 503);
  };
  await watch(192, "127.0.0.1");
  await watch(64, "127.0.0.2");
  assert.equal(site.watchers.size, 256);
  for (const each of watching) each.destroy();
  await until("all have gone", () => site.watchers.size === 0);
  await watch(192, "127.0.0.1");
  for (const each of watching) each.destroy();
});
