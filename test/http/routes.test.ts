import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, portOf, RawClient, serve } from "./client.ts";
import type { OtherPaths } from "../../src/http/site.ts";
import { FakeSite } from "./fake-site.ts";

const PATHS: [path: string, status: number, type: string, text: string][] = [
  ["/metrics", 200, "text/plain; version=0.0.4; charset=utf-8", "up 1\n"],
  ["/metrics?name=up", 200, "text/plain; version=0.0.4; charset=utf-8", "up 1\n"],
  ["/", 200, "text/html; charset=utf-8", "<h1>promtap</h1>\n"],
  ["/?", 200, "text/html; charset=utf-8", "<h1>promtap</h1>\n"],
  ["/-/healthy", 200, "text/plain; charset=utf-8", "Healthy\n"],
  ["/healthz", 200, "text/plain; charset=utf-8", "Healthy\n"],
  ["/-/ready", 200, "text/plain; charset=utf-8", "Ready\n"],
  ["/metrics/", 404, "text/plain; charset=utf-8", "Not found\n"],
  ["/Metrics", 404, "text/plain; charset=utf-8", "Not found\n"],
  ["//", 404, "text/plain; charset=utf-8", "Not found\n"],
  ["/index.html", 404, "text/plain; charset=utf-8", "Not found\n"],
  ["/../metrics", 404, "text/plain; charset=utf-8", "Not found\n"],
  ["/%6detrics", 404, "text/plain; charset=utf-8", "Not found\n"],
  ["/<script>alert(1)</script>", 404, "text/plain; charset=utf-8", "Not found\n"],
];

describe("each path", () => {
  for (const [path, status, type, text] of PATHS) {
    test(`${path} answers ${status}`, async () => {
      await using server = await serve(new FakeSite());
      const answer = await ask(server, path);
      assert.deepEqual([answer.status, answer.headers["content-type"], answer.text], [status, type, text]);
    });

    test(`HEAD ${path} answers with the headers of GET and nothing more`, async () => {
      await using server = await serve(new FakeSite());
      const { headers: expected, status: expectedStatus } = await ask(server, path);
      using client = new RawClient(portOf(server));
      client.send(`HEAD ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      assert.equal(await client.closed, undefined);
      const [head = "", body] = client.received.split("\r\n\r\n");
      const [statusLine = "", ...lines] = head.split("\r\n");
      const headers = new Map(lines.map((line) => line.split(": ") as [string, string]));
      assert.equal(body, "");
      assert.match(statusLine, new RegExp(`^HTTP/1.1 ${expectedStatus} `));
      for (const name of ["Content-Type", "Content-Length", "Vary", "X-Content-Type-Options"]) {
        assert.equal(headers.get(name), expected[name.toLowerCase()], name);
      }
    });
  }

  test("a whole URL as the target is read for its path", async () => {
    await using server = await serve(new FakeSite());
    for (const target of ["http://a:9112/metrics", "HTTP://a/metrics?x=http://b/"]) {
      using client = new RawClient(portOf(server));
      client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
      await client.closed;
      assert.match(client.received, /up 1\n/);
    }
  });

  test("metrics at / take the place of the landing page", async () => {
    await using server = await serve(new FakeSite(), { telemetryPath: "/" });
    assert.equal((await ask(server, "/")).text, "up 1\n");
    assert.equal((await ask(server, "/metrics")).status, 404);
  });

  test("readiness follows the site, health does not", async () => {
    const site = new FakeSite();
    site.isReady = false;
    await using server = await serve(site);
    const answer = await ask(server, "/-/ready");
    assert.deepEqual([answer.status, answer.text], [503, "Not ready\n"]);
    assert.equal((await ask(server, "/-/healthy")).status, 200);
    site.isReady = true;
    assert.equal((await ask(server, "/-/ready")).status, 200);
  });
});

describe("a site without paths of its own", () => {
  const OTHERS: [OtherPaths, status: number, text: string][] = [
    ["none", 404, "Not found\n"],
    ["page", 200, "up 1\n"],
    ["landing", 200, "<h1>promtap</h1>\n"],
  ];
  for (const [otherPaths, status, text] of OTHERS) {
    test(`answers with ${text.trim()} besides metrics and health`, async () => {
      await using server = await serve(
        Object.assign(new FakeSite(), { otherPaths, reload: () => assert.fail("reloads") }),
      );
      for (const path of ["/", "/nothing", "/-/reload", "/metrics/"]) {
        const answer = await ask(server, path);
        assert.deepEqual([answer.status, answer.text], [status, text], path);
      }
      assert.equal((await ask(server, "/-/reload", { method: "POST" })).status, status === 404 ? 404 : 405);
      assert.equal((await ask(server, "/metrics")).text, "up 1\n");
      for (const path of ["/-/healthy", "/healthz", "/-/ready"]) assert.match((await ask(server, path)).text, /y\n$/);
    });
  }
});

describe("methods", () => {
  for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]) {
    test(`${method} is not allowed on a path there is, and not found on another`, async () => {
      await using server = await serve(new FakeSite());
      for (const path of ["/metrics", "/", "/-/healthy", "/-/ready"]) {
        const answer = await ask(server, path, { method });
        assert.deepEqual([answer.status, answer.headers.allow], [405, "GET, HEAD"]);
      }
      assert.equal((await ask(server, "/nothing", { method })).status, 404);
    });
  }
});

describe("safety", () => {
  test("every answer forbids sniffing, framing and loading", async () => {
    const site = new FakeSite();
    await using server = await serve(site, { maxRequests: 1 });
    const answers = [
      await ask(server, "/"),
      await ask(server, "/metrics"),
      await ask(server, "/nothing"),
      await ask(server, "/metrics", { method: "POST" }),
    ];
    site.landing = () => assert.fail("no page today");
    answers.push(await ask(server, "/"));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200, 404, 405, 500],
    );
    for (const { headers } of answers) {
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["x-frame-options"], "DENY");
      assert.match(headers["content-security-policy"] as string, /^default-src 'none';.*frame-ancestors 'none'$/);
    }
  });

  test("nothing of a request is repeated in the answer", async () => {
    await using server = await serve(new FakeSite());
    for (const path of ["/reflect-me", "/metrics?reflect-me", "/-/healthy?reflect-me"]) {
      const answer = await ask(server, path, { headers: { "X-Reflect-Me": "reflect-me", Accept: "reflect-me" } });
      assert.doesNotMatch(JSON.stringify(answer.headers) + answer.text, /reflect-me/i);
    }
  });

  test("a landing page that throws is a 500 and told to the site, and the next is served", async () => {
    const site = new FakeSite();
    const error = new Error("a secret");
    site.landing = () => {
      throw error;
    };
    await using server = await serve(site);
    const answer = await ask(server, "/");
    assert.deepEqual([answer.status, answer.text], [500, "The page could not be made.\n"]);
    assert.deepEqual(site.failures, [error]);
    assert.equal((await ask(server, "/metrics")).status, 200);
  });

  for (const framing of ["Content-Length: 10000000000", "Transfer-Encoding: chunked"]) {
    test(`a large body is not waited for (${framing})`, async () => {
      await using server = await serve(new FakeSite());
      for (const [method, status] of [
        ["POST", 405],
        ["GET", 200],
      ]) {
        using client = new RawClient(portOf(server));
        client.send(`${method} /metrics HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n`);
        await client.closed;
        assert.match(client.received, new RegExp(`^HTTP/1.1 ${status} `));
        assert.match(client.received, /\r\nConnection: close\r\n/);
      }
    });
  }

  // What a proxy before us may take for one request and we for two, or the other way round: RFC 9112 section 11.2.
  for (const [what, head, body] of [
    ["both framings, the length first", "Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\n"],
    ["both framings, the chunks first", "Transfer-Encoding: chunked\r\nContent-Length: 4", "5c\r\n"],
    ["two lengths", "Content-Length: 0\r\nContent-Length: 44", ""],
    ["two lengths in one", "Content-Length: 0, 44", ""],
    ["a length with a sign", "Content-Length: +0", ""],
    ["a length before a space", "Content-Length : 44", ""],
    ["a header that goes on in the next line", "X: a\r\n Content-Length: 44", ""],
    ["a header that ends with a line feed alone", "X: a\nContent-Length: 44", ""],
    ["a carriage return within a header", "X: a\rContent-Length: 44", ""],
    ["a zero byte within a header", "X: a\0", ""],
    ["an encoding that there is not", "Transfer-Encoding: xchunked", ""],
    ["chunks that are not the last encoding", "Transfer-Encoding: chunked, identity", "0\r\n\r\n"],
    ["a chunk whose length is none", "Transfer-Encoding: chunked", "0x0\r\n\r\n"],
    ["a last chunk that ends with a line feed alone", "Transfer-Encoding: chunked", "0\n\n"],
    ["an older protocol with chunks", "Connection: keep-alive\r\nTransfer-Encoding: chunked", "0\r\n\r\n"],
  ] as const) {
    test(`no request is smuggled in behind ${what}`, async () => {
      await using server = await serve(new FakeSite());
      using client = new RawClient(portOf(server));
      const version = what.startsWith("an older") ? "1.0" : "1.1";
      client.send(
        `GET /-/ready HTTP/${version}\r\nHost: a\r\n${head}\r\n\r\n${body}GET /-/healthy HTTP/1.1\r\nHost: a\r\n\r\n`,
      );
      await client.closed;
      assert.equal(client.received.match(/^HTTP\/1/gm)?.length ?? 0, 1, client.received);
      assert.match(client.received, /^HTTP\/1.1 [24]00 /);
      assert.doesNotMatch(client.received, /Healthy/);
    });
  }

  test("a client that asks before it sends a body is refused at once", async () => {
    await using server = await serve(new FakeSite());
    using client = new RawClient(portOf(server));
    client.send("POST /metrics HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n");
    await client.closed;
    assert.match(client.received, /^HTTP\/1.1 405 /);
  });
});
