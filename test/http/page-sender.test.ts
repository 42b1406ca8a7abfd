import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ErrorCode, PromtapError } from "../../src/errors.ts";
import { ask, begin, portOf, RawClient, serve } from "./client.ts";
import { FakeSite, HeldPage, lend, pageOf } from "./fake-site.ts";

const GZIP = { headers: { "Accept-Encoding": "gzip" } };
const LIMIT_TEXT = /^Limit of concurrent requests reached \(\d+\), try again later\.\n$/;

/** A page larger than any buffer on its way, out of one piece of memory that each chunk overwrites. */
async function* reuse(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  const memory = new Uint8Array(256 * 1024);
  for (const chunk of chunks) {
    memory.set(chunk);
    yield* lend(memory.subarray(0, chunk.length));
  }
}

/** Bytes that do not compress: 24 MiB. */
function largePage(): Uint8Array[] {
  return Array.from({ length: 96 }, () => randomBytes(256 * 1024));
}

function endless(): AsyncIterable<Uint8Array> {
  return reuse(Array.from({ length: 1_000_000 }, () => PIECE));
}
const PIECE = randomBytes(256 * 1024);

describe("the page", () => {
  test("the site is given the Accept header and the time that Prometheus waits, with a margin", async () => {
    const site = new FakeSite();
    await using server = await serve(site);
    await ask(server, "/metrics", { headers: { Accept: "text/plain", "X-Prometheus-Scrape-Timeout-Seconds": "10" } });
    await ask(server, "/metrics");
    assert.deepEqual(site.asked, [
      { accept: "text/plain", timeoutMs: 9_500 },
      { accept: undefined, timeoutMs: 9_500 },
    ]);
  });

  test("the site is given what the query selects, however it is written", async () => {
    const site = new FakeSite();
    await using server = await serve(site);
    for (const query of ["", "?", "?collect[]=a&x=y&collect%5B%5D=b%20c", "?exclude[]=&name[]=a?b&collect=z"]) {
      assert.equal((await ask(server, `/metrics${query}`)).status, 200, query);
    }
    const none = { collect: [], exclude: [], names: [] };
    assert.deepEqual(site.selections, [
      none,
      none,
      { ...none, collect: ["a", "b c"] },
      { ...none, exclude: [""], names: ["a?b"] },
    ]);
  });

  const refuse = () => {
    throw new PromtapError(ErrorCode.REQUEST, "there is none of these");
  };
  for (const [when, source] of [
    ["at once", refuse],
    [
      "when it is made",
      async function* () {
        refuse();
        yield Buffer.of();
      },
    ],
  ] as const) {
    test(`what selects something that is not there is a 400 of one line, told ${when}, and the next is served`, async () => {
      const site = new FakeSite();
      await using server = await serve(site);
      site.source = source;
      const { status, text, headers } = await ask(server, "/metrics?name[]=x", GZIP);
      assert.deepEqual([status, text, headers["content-encoding"]], [400, "there is none of these\n", undefined]);
      assert.deepEqual(site.failures, []);
      site.source = () => pageOf("up 1\n");
      assert.equal((await ask(server, "/metrics")).status, 200);
    });
  }

  test("an answer names what it depends on", async () => {
    await using server = await serve(new FakeSite());
    assert.equal((await ask(server, "/metrics")).headers.vary, "Accept, Accept-Encoding");
  });

  test("a page without a chunk is empty, zipped too", async () => {
    const site = new FakeSite();
    site.source = () => pageOf();
    await using server = await serve(site);
    assert.deepEqual(await ask(server, "/metrics").then(({ status, text }) => [status, text]), [200, ""]);
    assert.equal(gunzipSync((await ask(server, "/metrics", GZIP)).body).length, 0);
  });

  test("an empty chunk does not end the page", async () => {
    const site = new FakeSite();
    site.source = () => pageOf("", "a 1\n", "", "b 1\n");
    await using server = await serve(site);
    assert.equal((await ask(server, "/metrics")).text, "a 1\nb 1\n");
    assert.equal(gunzipSync((await ask(server, "/metrics", GZIP)).body).toString(), "a 1\nb 1\n");
  });

  test("its beginning is sent before its end is made", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    await using server = await serve(site);
    const message = await begin(server, "/metrics");
    const [first] = (await once(message, "data")) as [Buffer];
    assert.equal(first.toString(), "begin\n");
    held.release();
    assert.equal((await buffer(message)).toString(), "end\n");
  });

  test("HTTP/1.0 is answered without chunks, to the end of the connection", async () => {
    await using server = await serve(new FakeSite());
    using client = new RawClient(portOf(server));
    client.send("GET /metrics HTTP/1.0\r\n\r\n");
    assert.equal(await client.closed, undefined);
    assert.match(client.received, /\r\n\r\nup 1\n$/);
    assert.doesNotMatch(client.received, /transfer-encoding/i);
  });

  for (const version of ["1.0", "1.1"]) {
    test(`a client that closes its half after the request gets it whole (HTTP/${version})`, async () => {
      const site = new FakeSite();
      const held = new HeldPage();
      site.source = () => held.page();
      await using server = await serve(site);
      using client = new RawClient(portOf(server));
      client.send(`GET /metrics HTTP/${version}\r\nHost: a\r\n\r\n`);
      await client.until("begin");
      client.socket.end();
      await ask(server, "/-/healthy");
      held.release();
      assert.equal(await client.closed, undefined);
      assert.match(client.received, /begin\n.*end\n/s);
    });
  }

  test("HEAD asks for no chunk", async () => {
    const site = new FakeSite();
    site.source = () => ({ [Symbol.asyncIterator]: () => assert.fail("the page was read") });
    await using server = await serve(site);
    const plain = await ask(server, "/metrics", { method: "HEAD" });
    assert.deepEqual([plain.status, plain.text], [200, ""]);
    assert.equal(plain.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    const zipped = await ask(server, "/metrics", { method: "HEAD", ...GZIP });
    assert.equal(zipped.headers["content-encoding"], "gzip");
    assert.deepEqual(site.failures, []);
  });
});

describe("lent memory", () => {
  for (const [name, options] of [
    ["plain", {}],
    ["zipped", GZIP],
  ] as const) {
    test(`a chunk is not used after the next is asked for, ${name}`, async () => {
      const site = new FakeSite();
      const chunks = largePage();
      site.source = () => reuse(chunks);
      await using server = await serve(site);
      const { body } = await ask(server, "/metrics", options);
      const page = name === "zipped" ? gunzipSync(body) : body;
      assert.ok(page.equals(Buffer.concat(chunks)));
    });

    test(`nor when the reader makes it wait, ${name}`, async () => {
      const site = new FakeSite();
      const chunks = largePage();
      site.source = () => reuse(chunks);
      await using server = await serve(site);
      const message = await begin(server, "/metrics", options);
      const pieces: Buffer[] = [];
      for await (const piece of message) {
        pieces.push(piece as Buffer);
        if (pieces.length % 16 === 0) await delay(1);
      }
      const body = Buffer.concat(pieces);
      const page = name === "zipped" ? gunzipSync(body) : body;
      assert.ok(page.equals(Buffer.concat(chunks)));
    });
  }
});

describe("compression", () => {
  test("gzip comes if it is asked for, and is smaller", async () => {
    const site = new FakeSite();
    site.source = () => pageOf("up 1\n".repeat(10_000));
    await using server = await serve(site);
    const plain = await ask(server, "/metrics");
    const refused = await ask(server, "/metrics", { headers: { "Accept-Encoding": "gzip;q=0, br" } });
    const zipped = await ask(server, "/metrics", GZIP);
    assert.equal(plain.headers["content-encoding"], undefined);
    assert.equal(refused.headers["content-encoding"], undefined);
    assert.equal(zipped.headers["content-encoding"], "gzip");
    assert.ok(zipped.body.length < plain.body.length / 10);
    assert.ok(gunzipSync(zipped.body).equals(plain.body));
    assert.ok(refused.body.equals(plain.body));
  });
});

describe("a page that cannot be made", () => {
  const error = new Error("a secret");

  test("is a 500 if nothing was sent yet, and told to the site", async () => {
    const site = new FakeSite();
    await using server = await serve(site);
    const thrower = (): AsyncIterable<Uint8Array> => {
      throw error;
    };
    for (const source of [
      thrower,
      async function* () {
        yield* thrower();
      },
    ]) {
      site.source = source;
      for (const options of [{}, GZIP]) {
        const answer = await ask(server, "/metrics", options);
        assert.deepEqual([answer.status, answer.text], [500, "The page could not be made.\n"]);
        assert.equal(answer.headers["content-encoding"], undefined);
      }
    }
    assert.deepEqual(site.failures, [error, error, error, error]);
  });

  for (const [name, headers] of [
    ["plain", ""],
    ["zipped", "Accept-Encoding: gzip\r\n"],
  ]) {
    for (const version of ["1.1", "1.0"]) {
      test(`breaks the connection after the first byte (HTTP/${version}, ${name})`, async () => {
        const site = new FakeSite();
        const held = new HeldPage(() => {
          throw error;
        });
        site.source = () => held.page();
        await using server = await serve(site, { maxRequests: 1 });
        using client = new RawClient(portOf(server));
        client.send(`GET /metrics HTTP/${version}\r\nHost: a\r\n${headers}\r\n`);
        await held.begun;
        await client.until("\r\n\r\n");
        held.release();
        assert.equal(await client.closed, "ECONNRESET");
        assert.deepEqual(site.failures, [error]);
        site.source = () => pageOf("up 1\n");
        assert.equal((await ask(server, "/metrics")).text, "up 1\n");
      });
    }
  }
});

describe("pages at once", () => {
  test("the 31st of a client and the 41st of all are refused until one has ended, other paths served", async () => {
    const site = new FakeSite();
    const held: HeldPage[] = [];
    site.source = () => {
      const source = new HeldPage();
      held.push(source);
      return source.page();
    };
    await using server = await serve(site);
    const [first = [], second = []] = [30, 10].map((length, index) =>
      Array.from({ length }, () => begin(server, "/metrics", { localAddress: `127.0.0.${index + 1}` })),
    );
    const messages = await Promise.all(first);
    assert.equal((await ask(server, "/metrics")).status, 503);
    messages.push(...(await Promise.all(second)));
    const refused = await ask(server, "/metrics", { localAddress: "127.0.0.3" });
    assert.equal(refused.status, 503);
    assert.match(refused.text, LIMIT_TEXT);
    assert.match(refused.text, /40/);
    assert.match(refused.headers["retry-after"] ?? "", /^\d+$/);
    assert.equal((await ask(server, "/-/healthy")).status, 200);
    held[0]?.release();
    assert.equal((await buffer(messages[0]!)).toString(), "begin\nend\n");
    const next = await begin(server, "/metrics");
    assert.equal(next.statusCode, 200);
    for (const source of held) source.release();
    for (const message of [...messages.slice(1), next]) {
      assert.equal((await buffer(message)).toString(), "begin\nend\n");
    }
  });

  test("a limit of 0 is none", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    await using server = await serve(site, { maxRequests: 0 });
    const messages = await Promise.all(Array.from({ length: 45 }, () => begin(server, "/metrics")));
    assert.ok(messages.every(({ statusCode }) => statusCode === 200));
    held.release();
    await Promise.all(messages.map((message) => buffer(message)));
  });

  test("requests sent without waiting for answers are answered in order, one at a time", async () => {
    const site = new FakeSite();
    let pages = 0;
    site.source = () => pageOf(`page ${++pages}\n`, "x".repeat(100_000));
    await using server = await serve(site, { maxRequests: 1 });
    using client = new RawClient(portOf(server));
    const paths = ["/metrics", "/-/healthy", "/metrics", "/nothing", "/metrics"];
    client.send(paths.map((path) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`).join(""));
    client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    await client.closed;
    const marks = client.received.match(/HTTP\/1.1 \d+|page \d|Healthy|promtap/g);
    // oxfmt-ignore
    assert.deepEqual(marks, [
      "HTTP/1.1 200", "page 1",
      "HTTP/1.1 200", "Healthy",
      "HTTP/1.1 200", "page 2",
      "HTTP/1.1 404",
      "HTTP/1.1 200", "page 3",
      "HTTP/1.1 200", "promtap",
    ]);
  });
});

describe("a client that does not read on", () => {
  for (const [name, options] of [
    ["plain", {}],
    ["zipped", GZIP],
  ] as const) {
    test(`ends its page by going away, and frees its place (${name})`, async () => {
      const site = new FakeSite();
      const held = new HeldPage(endless);
      site.source = () => held.page();
      await using server = await serve(site, { maxRequests: 1 });
      const message = await begin(server, "/metrics", options);
      held.release();
      await once(message, "data");
      message.destroy();
      await held.ended;
      site.source = () => pageOf("up 1\n");
      assert.equal((await ask(server, "/metrics")).text, "up 1\n");
      assert.deepEqual(site.failures, []);
    });

    test(`is cut after a while, and has not been rendered for ahead of time (${name})`, async () => {
      const site = new FakeSite();
      let chunks = 0;
      const held = new HeldPage(async function* () {
        for await (const chunk of endless()) {
          chunks++;
          yield chunk;
        }
      });
      site.source = () => held.page();
      await using server = await serve(site, { maxRequests: 1 }, { stallMs: 100 });
      const message = await begin(server, "/metrics", options);
      message.pause();
      held.release();
      await held.ended;
      // What the sockets of both sides hold: a few MB.
      assert.ok(chunks < 100, `${chunks} chunks`);
      site.source = () => pageOf("up 1\n");
      assert.equal((await ask(server, "/metrics")).text, "up 1\n");
    });
  }

  for (const [name, headers, limits] of [
    ["the scrape time-out that it named", "X-Prometheus-Scrape-Timeout-Seconds: 0.2\r\n", { pageMs: 60_000 }],
    ["the longest time, if it named none", "", { pageMs: 100 }],
  ] as const) {
    for (const encoding of ["", "Accept-Encoding: gzip\r\n"]) {
      test(`is cut after ${name}, though it takes a little all the time${encoding && " (zipped)"}`, async () => {
        const site = new FakeSite();
        const held = new HeldPage(endless);
        site.source = () => held.page();
        held.release();
        await using server = await serve(site, { maxRequests: 1 }, { stallMs: 40, pageMarginMs: 100, ...limits });
        using client = new RawClient(portOf(server));
        // HTTP/1.0 would take an orderly end for the end of the page.
        client.send(`GET /metrics HTTP/1.0\r\n${headers}${encoding}\r\n`);
        assert.equal(await client.closed, "ECONNRESET");
        await held.ended;
        assert.deepEqual(site.failures, []);
        site.source = () => pageOf("up 1\n");
        assert.equal((await ask(server, "/metrics")).text, "up 1\n");
      });
    }
  }

  test("frees its place when it goes while the page is being made", async () => {
    const site = new FakeSite();
    const held = new HeldPage();
    site.source = () => held.page();
    await using server = await serve(site, { maxRequests: 1 });
    using client = new RawClient(portOf(server));
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until("begin");
    client.socket.resetAndDestroy();
    await client.closed;
    held.release();
    await held.ended;
    site.source = () => pageOf("up 1\n");
    assert.equal((await ask(server, "/metrics")).text, "up 1\n");
  });

  test("holds no place for the pages it has asked for in advance", async () => {
    const site = new FakeSite();
    const held = new HeldPage(endless);
    site.source = () => held.page();
    await using server = await serve(site, { maxRequests: 2 });
    using client = new RawClient(portOf(server));
    client.send("GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n".repeat(20));
    await client.until("begin");
    const answers = Array.from({ length: 5 }, () => ask(server, "/metrics", { method: "HEAD" }));
    assert.ok((await Promise.all(answers)).every(({ status }) => status === 200));
    client.socket.destroy();
    held.release();
    await held.ended;
    assert.equal(site.asked.length, 6);
  });

  test("is not a client that waits for a page that takes its time", async () => {
    const site = new FakeSite();
    site.source = async function* () {
      await delay(300);
      yield* pageOf("a 1\n");
      await delay(300);
      yield* pageOf("b 1\n");
    };
    await using server = await serve(site, {}, { stallMs: 50 });
    assert.equal((await ask(server, "/metrics")).text, "a 1\nb 1\n");
  });
});
