import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { type IncomingHttpHeaders, request as plainRequest } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { type RequestOptions, request } from "node:https";
import { text } from "node:stream/consumers";
import { after, describe, test } from "node:test";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";
import { hashSync } from "bcryptjs";
import { type Server } from "../../src/http/server.ts";
import { loadProtection } from "../../src/web/load.ts";
import type { Access } from "../../src/http/admission/access.ts";
import type { Rules } from "../../src/http/admission/admission.ts";
import { Passwords } from "../../src/web/passwords.ts";
import { WebFile } from "../../src/web/web-file.ts";
import { portOf, RawClient, serve } from "../http/client.ts";
import { frame, PREFACE, SETTINGS } from "../http/http2-frames.ts";
import { FakeSite, HeldPage, lend, pageOf } from "../http/fake-site.ts";
import { lacking } from "../support/requirements.ts";
import { TLS, WebFolder } from "./web-folder.ts";

const options = { skip: lacking("openssl") };
const folder = options.skip === false ? new WebFolder() : undefined;
folder?.addSelfSigned("self", "DNS:test3,IP:2001:db8::1,email:a@example.com,URI:urn:a");
after(() => folder?.[Symbol.dispose]());

const hash = (password: string): string => hashSync(password, 4);

/** A server with a web configuration file, and what became of the file. */
class Guarded implements AsyncDisposable {
  readonly site = new FakeSite();
  readonly told: (string | undefined)[] = [];
  readonly name: string;
  server!: Server;
  file: WebFile | undefined;

  private constructor(name: string) {
    this.name = name;
  }

  static async start(content: string, name = "web.yml"): Promise<Guarded> {
    const guarded = new Guarded(name);
    guarded.file = await WebFile.open(folder!.write(content, name), (error) => guarded.told.push(error));
    guarded.server = await serve(guarded.site, { rules: { access: guarded.file } });
    return guarded;
  }

  /** One whose file never changes; faster. */
  static async startProtected(content: string, rules: Rules = {}): Promise<Guarded> {
    const guarded = new Guarded("");
    const { tls, hasHttp2 } = folder!.settings(content);
    const protection = await loadProtection(tls!, hasHttp2);
    const access: Access = {
      isProtected: true,
      protection: async () => protection,
      judge: async () => ({ headers: new Map() }),
    };
    guarded.server = await serve(guarded.site, { rules: { ...rules, access } });
    return guarded;
  }

  rewrite(content: string): void {
    folder!.write(content, this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server[Symbol.asyncDispose]();
    await this.file?.[Symbol.asyncDispose]();
  }
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
  socket: TLSSocket;
}

/** Asks by TLS, on a connection of its own. */
async function ask({ server }: Guarded, more: RequestOptions = {}): Promise<Answer> {
  const ca = readFileSync(folder!.path("ca.crt"));
  const sent = request({ host: "127.0.0.1", port: portOf(server), path: "/-/healthy", agent: false, ca, ...more });
  sent.end();
  const [message] = await once(sent, "response");
  return { status: message.statusCode, headers: message.headers, body: await text(message), socket: message.socket };
}

/** Asks without TLS. */
async function askPlainly({ server }: Pick<Guarded, "server">, auth?: string): Promise<Omit<Answer, "socket">> {
  const headers = auth === undefined ? {} : { Authorization: auth };
  const sent = plainRequest({ host: "127.0.0.1", port: portOf(server), path: "/-/healthy", agent: false, headers });
  sent.end();
  const [message] = await once(sent, "response");
  return { status: message.statusCode, headers: message.headers, body: await text(message) };
}

function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

function clientOf(name: string): RequestOptions {
  return { cert: readFileSync(folder!.path(`${name}.crt`)), key: readFileSync(folder!.path(`${name}.key`)) };
}

describe("with TLS", options, () => {
  test("a client by HTTPS is answered, and one by HTTP is told so", async () => {
    await using guarded = await Guarded.startProtected(TLS);
    assert.equal((await ask(guarded)).body, "Healthy\n");
    const plain = await askPlainly(guarded);
    assert.deepEqual([plain.status, plain.body], [400, "Client sent an HTTP request to an HTTPS server.\n"]);
  });

  for (const [what, client, settings, isServed] of [
    [
      "TLS 1.1, which is not the default",
      { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" },
      "",
      false,
    ],
    [
      "TLS 1.1 if that is asked for",
      { maxVersion: "TLSv1.1", minVersion: "TLSv1", ciphers: "DEFAULT@SECLEVEL=0" },
      "  min_version: TLS10\n",
      true,
    ],
    ["TLS 1.2", { maxVersion: "TLSv1.2" }, "", true],
    ["TLS 1.2 if 1.3 is asked for", { maxVersion: "TLSv1.2" }, "  min_version: TLS13\n", false],
    [
      "a cipher of the list",
      { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
      "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
      true,
    ],
    [
      "no cipher of the list",
      { ciphers: "ECDHE-ECDSA-AES256-SHA" },
      "  max_version: TLS12\n  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n",
      false,
    ],
    ["a curve of the list", { ecdhCurve: "P-521" }, "  min_version: TLS13\n  curve_preferences: [CurveP521]\n", true],
    ["no curve of the list", { ecdhCurve: "P-384" }, "  min_version: TLS13\n  curve_preferences: [CurveP521]\n", false],
  ] as const) {
    test(`a client with ${what} is ${isServed ? "served" : "refused"}`, async () => {
      await using guarded = await Guarded.startProtected(TLS + settings);
      if (isServed) assert.equal((await ask(guarded, client)).status, 200);
      else await assert.rejects(ask(guarded, client), /handshake|protocol|alert|version/i);
    });
  }

  for (const [prefersOwn, cipher] of [
    ["true", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ["false", "ECDHE-ECDSA-AES128-GCM-SHA256"],
  ]) {
    test(`the cipher is chosen with prefer_server_cipher_suites: ${prefersOwn}`, async () => {
      const list = "[TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]";
      const order = `  max_version: TLS12\n  cipher_suites: ${list}\n  prefer_server_cipher_suites: ${prefersOwn}\n`;
      await using guarded = await Guarded.startProtected(TLS + order);
      const ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
      assert.equal((await ask(guarded, { ciphers })).socket.getCipher().name, cipher);
    });
  }

  const SANS = "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: self.crt\n  client_allowed_sans: ";
  for (const [what, settings, client, isServed] of [
    ["no certificate, of which none is asked for", "", undefined, true],
    ["no certificate, of which one may be given", "  client_auth_type: RequestClientCert\n", undefined, true],
    ["no certificate", "  client_auth_type: RequireAnyClientCert\n", undefined, false],
    ["any certificate", "  client_auth_type: RequireAnyClientCert\n", "self", true],
    ["any certificate, by the old name", "  client_auth_type: RequireClientCert\n", "self", true],
    ["no certificate to verify", "  client_auth_type: VerifyClientCertIfGiven\n", undefined, true],
    ["a certificate that nobody knows", "  client_auth_type: VerifyClientCertIfGiven\n", "self", false],
    [
      "a certificate of the authority",
      "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n",
      "client",
      true,
    ],
    [
      "a certificate of another one",
      "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: stranger.crt\n",
      "client",
      false,
    ],
    [
      "a certificate that has to be verified",
      "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ca.crt\n",
      undefined,
      false,
    ],
    [
      "a certificate that is its own authority",
      "  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: self.crt\n",
      "self",
      true,
    ],
    [
      "a certificate, of no authority that the host knows",
      "  client_auth_type: RequireAndVerifyClientCert\n",
      "client",
      false,
    ],
    ["an allowed name", `${SANS}[one, test3, two]\n`, "self", true],
    ["an allowed address", `${SANS}["2001:db8::1"]\n`, "self", true],
    ["an allowed mailbox", `${SANS}["a@example.com"]\n`, "self", true],
    ["an allowed URI", `${SANS}["urn:a"]\n`, "self", true],
    ["a name that is a part of an allowed one", `${SANS}[xtest3, test, "DNS:test3"]\n`, "self", false],
    ["a name where none is allowed", `${SANS}[]\n`, "self", false],
  ] as const) {
    test(`a client with ${what} is ${isServed ? "served" : "refused"}`, async () => {
      await using guarded = await Guarded.startProtected(TLS + settings);
      const asked = ask(guarded, client === undefined ? {} : clientOf(client));
      if (isServed) assert.equal((await asked).status, 200);
      else await assert.rejects(asked, /ECONNRESET|socket hang up|alert/);
    });
  }

  for (const [what, settings, protocol] of [
    ["is offered", "", "h2"],
    ["is not offered if it is turned off", "http_server_config:\n  http2: false\n", "http/1.1"],
  ]) {
    test(`HTTP/2 ${what}`, async () => {
      await using guarded = await Guarded.startProtected(`${TLS}${settings}`);
      const ca = readFileSync(folder!.path("ca.crt"));
      const socket = connect({
        host: "127.0.0.1",
        port: portOf(guarded.server),
        ca,
        ALPNProtocols: ["h2", "http/1.1"],
      });
      await once(socket, "secureConnect");
      assert.equal(socket.alpnProtocol, protocol);
      socket.destroy();
    });
  }

  test("a page that is larger than any buffer comes whole by HTTP/2, and its memory is lent", async () => {
    await using guarded = await Guarded.startProtected(TLS);
    const chunk = "0123456789abcde\n".repeat(4096);
    guarded.site.source = async function* () {
      for (let count = 0; count < 50; count++) yield* lend(Buffer.from(chunk));
    };
    assert.equal(await askHttp2(guarded, "/metrics"), chunk.repeat(50));
  });

  test("a client by HTTP/2 that goes away ends its page", async () => {
    await using guarded = await Guarded.startProtected(TLS);
    const held = new HeldPage();
    guarded.site.source = () => held.page();
    const session = connectHttp2(`https://127.0.0.1:${portOf(guarded.server)}`, {
      ca: readFileSync(folder!.path("ca.crt")),
    });
    session.request({ ":path": "/metrics" }).on("error", () => {});
    await held.begun;
    session.destroy();
    held.release();
    await held.ended;
    assert.deepEqual(guarded.site.failures, []);
  });

  test("a page by HTTP/2 that is given up as it ends gives its place back", async () => {
    await using guarded = await Guarded.startProtected(TLS, { maxRequests: 1 });
    const givenUp = Promise.withResolvers<void>();
    guarded.site.source = async function* () {
      yield Buffer.from("begin\n");
      await givenUp.promise;
    };
    const session = connectHttp2(`https://127.0.0.1:${portOf(guarded.server)}`, {
      ca: readFileSync(folder!.path("ca.crt")),
    });
    const page = session.request({ ":path": "/metrics" });
    await once(page, "data");
    page.close(constants.NGHTTP2_CANCEL);
    // the server has read that when it answers
    await promisify(session.ping.bind(session))();
    givenUp.resolve();
    guarded.site.source = () => pageOf("up 1\n");
    assert.equal(await text(session.request({ ":path": "/metrics" }).end()), "up 1\n");
    session.destroy();
    assert.deepEqual([guarded.site.refusals, guarded.site.failures], [[], []]);
  });

  test("a client by HTTP/2 that ends keeps no connection", { timeout: 60_000 }, async () => {
    await using guarded = await Guarded.startProtected(TLS);
    const ca = readFileSync(folder!.path("ca.crt"));
    const socket = connect({ port: portOf(guarded.server), host: "127.0.0.1", ALPNProtocols: ["h2"], ca });
    const closed = once(socket, "close");
    socket.resume().end(Buffer.concat([PREFACE, frame(SETTINGS, 0, 0)]));
    await closed;
  });

  test("a client that says nothing is cut, and so is one that says half of it", async () => {
    const file = await WebFile.open(folder!.write(TLS), () => {});
    await using _file = file;
    await using server = await serve(new FakeSite(), { rules: { access: file } }, { headersMs: 50, checkMs: 10 });
    for (const sent of ["", "\x16\x03\x01"]) {
      using client = new RawClient(portOf(server));
      client.send(sent);
      await client.closed;
      assert.equal(client.received, "");
    }
  });
});

async function askHttp2({ server }: Guarded, path: string): Promise<string> {
  const ca = readFileSync(folder!.path("ca.crt"));
  const session = connectHttp2(`https://127.0.0.1:${portOf(server)}`, { ca });
  try {
    return await text(session.request({ ":path": path }).end());
  } finally {
    session.close();
  }
}

describe("with users", options, () => {
  const USERS = `basic_auth_users:\n  dave: ${hash("dave123")}\n  carol: ${hash("cärol:123")}\n`;
  let guarded: Guarded | undefined;
  after(() => guarded?.[Symbol.asyncDispose]());

  for (const [what, auth, status] of [
    ["nobody", undefined, 401],
    ["a user", basic("dave", "dave123"), 200],
    ["a user, however the scheme is written", basic("dave", "dave123").replace("Basic", "bAsIc"), 200],
    ["a password with a colon and umlauts", basic("carol", "cärol:123"), 200],
    ["a wrong password", basic("dave", "bad"), 401],
    ["an empty password", basic("dave", ""), 401],
    ["the password of another user", basic("dave", "cärol:123"), 401],
    ["no user that there is", basic("nonexistent", "nonexistent"), 401],
    ["the name of a property of all objects", basic("constructor", "a"), 401],
    ["no colon", `Basic ${Buffer.from("dave").toString("base64")}`, 401],
    ["bytes that are no text", `Basic ${Buffer.from([0x61, 0x3a, 0xff]).toString("base64")}`, 401],
    ["what is not base64", "Basic !!!!", 401],
    ["another scheme", "Bearer dave123", 401],
  ] as const) {
    test(`${what} gives ${status}, the second time as well`, async () => {
      guarded ??= await Guarded.start(USERS);
      for (let count = 0; count < 2; count++) {
        const answer = await askPlainly(guarded, auth);
        assert.equal(answer.status, status);
        assert.equal(answer.body, status === 200 ? "Healthy\n" : "Unauthorized\n");
        assert.equal(answer.headers["www-authenticate"], status === 200 ? undefined : "Basic");
      }
    });
  }

  test("a cache that was poisoned gives nobody what is not theirs (CVE-2022-46146)", async () => {
    const own = hash("alice123");
    await using poisoned = await Guarded.start(`basic_auth_users:\n  alice: ${own}\n`);
    assert.equal((await askPlainly(poisoned, basic(`alice${own}`, "fakepassword"))).status, 401);
    assert.equal((await askPlainly(poisoned, basic("alice", `${own}fakepassword`))).status, 401);
  });
});

test("passwords that can't be checked are told once, and refused like those that have to wait", options, async () => {
  class Broken extends Passwords {
    override async areRight(): Promise<boolean | undefined> {
      throw new Error("no thread");
    }
  }
  const told: (string | undefined)[] = [];
  const path = folder!.write(`basic_auth_users:\n  dave: ${hash("dave123")}\n`);
  await using file = await WebFile.open(path, (error) => told.push(error), new Broken());
  await using server = await serve(new FakeSite(), { rules: { access: file } });
  for (let count = 0; count < 2; count++) {
    assert.equal((await askPlainly({ server }, basic("dave", "dave123"))).status, 503);
  }
  assert.deepEqual(told, ["couldn't check a password: no thread"]);
});

describe("without TLS", options, () => {
  test("headers are as the file has them, those without a value are left out", async () => {
    const headers = [
      "X-Frame-Options: deny",
      "Strict-Transport-Security: max-age=31536000; includeSubDomains",
      "X-Content-Type-Options: nosniff",
      "X-XSS-Protection: 1",
      'Content-Security-Policy: ""',
    ];
    await using guarded = await Guarded.start(`http_server_config:\n  headers:\n    ${headers.join("\n    ")}\n`);
    const { headers: sent } = await askPlainly(guarded);
    assert.equal(sent["x-frame-options"], "deny");
    assert.equal(sent["strict-transport-security"], "max-age=31536000; includeSubDomains");
    assert.equal(sent["x-content-type-options"], "nosniff");
    assert.equal(sent["x-xss-protection"], "1");
    assert.equal(sent["content-security-policy"], undefined);
  });

  test("the rate is limited, to none if there is no burst", async () => {
    await using guarded = await Guarded.start("rate_limit:\n  interval: 1h\n  burst: 2\n");
    const statuses = [];
    for (let count = 0; count < 3; count++) statuses.push((await askPlainly(guarded)).status);
    assert.deepEqual(statuses, [200, 200, 429]);
    guarded.rewrite("rate_limit:\n  interval: 1h\n");
    const { status, body } = await askPlainly(guarded);
    assert.deepEqual([status, body], [429, "Too Many Requests\n"]);
    guarded.rewrite("rate_limit:\n  interval: 0\n  burst: 0\n");
    for (let count = 0; count < 10; count++) assert.equal((await askPlainly(guarded)).status, 200);
  });
});

describe("a file that changes", options, () => {
  test("counts for the next request, and a broken one answers nobody", async () => {
    const one = `basic_auth_users:\n  dave: ${hash("dave123")}\n`;
    await using guarded = await Guarded.start(one);
    const status = async (): Promise<number> => (await askPlainly(guarded, basic("dave", "dave123"))).status;
    assert.equal(await status(), 200);
    guarded.rewrite(`basic_auth_users:\n  dave: ${hash("another")}\n`);
    assert.equal(await status(), 401);
    guarded.rewrite("basic_auth_users: [\n");
    assert.deepEqual([await status(), (await askPlainly(guarded)).body], [500, "Internal Server Error\n"]);
    guarded.rewrite(one);
    assert.equal(await status(), 200);
    assert.deepEqual(
      guarded.told.map((error) => error === undefined),
      [true, false, true],
    );
    assert.match(guarded.told[1] ?? "", /web\.yml:\d+:\d+: yaml/);
  });

  test("counts for the next connection: certificates and policies", async () => {
    await using guarded = await Guarded.start(`${TLS}  client_auth_type: RequireAndVerifyClientCert\n`);
    await assert.rejects(ask(guarded));
    guarded.rewrite(TLS);
    const { status, socket } = await ask(guarded);
    assert.equal(status, 200);
    assert.equal(guarded.file!.certificateEndsAt, Date.parse(socket.getPeerCertificate().valid_to) / 1000);
    guarded.rewrite("");
    assert.equal((await askPlainly(guarded)).status, 200);
    assert.equal(guarded.file!.certificateEndsAt, undefined);
    guarded.rewrite(TLS);
    assert.equal((await ask(guarded)).status, 200);
    assert.equal((await askPlainly(guarded)).status, 400);
  });

  test("may have its certificate and key replaced one after the other", async () => {
    for (const kind of ["crt", "key"]) copyFileSync(folder!.path(`server.${kind}`), folder!.path(`mine.${kind}`));
    await using guarded = await Guarded.start(TLS.replaceAll("server.", "mine."));
    const ca = ["ca.crt", "self.crt"].map((name) => readFileSync(folder!.path(name)));
    const names = async (): Promise<string | undefined> =>
      (await ask(guarded, { ca, checkServerIdentity: () => undefined })).socket.getPeerX509Certificate()?.subject;
    assert.equal(await names(), "CN=server");
    writeFileSync(folder!.path("mine.crt"), readFileSync(folder!.path("self.crt")));
    assert.equal(await names(), "CN=server");
    assert.match(guarded.told[0] ?? "", /failed to load X509KeyPair/);
    writeFileSync(folder!.path("mine.key"), readFileSync(folder!.path("self.key")));
    assert.equal(await names(), "CN=self");
    assert.equal(guarded.told.at(-1), undefined);
  });
});
