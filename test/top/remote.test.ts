import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { topOptionsOf } from "../../src/top/options.ts";
import { ask, isAbsent } from "../../src/top/remote.ts";
import { Certificates } from "../support/certificates.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const OPTIONS = await topOptionsOf([]);

/** Has a server answer on a free port, and resolves with that. */
async function portOf(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** What `ask` says of a server that answers so. */
async function saidOf(answer: RequestListener, options = OPTIONS): Promise<string> {
  const server = createServer(answer);
  try {
    await ask(`http://127.0.0.1:${await portOf(server)}`, options);
    return assert.fail("it was told something");
  } catch (error) {
    return (error as Error).message.replace(/^couldn't ask http:\/\/127\.0\.0\.1:\d+: /, "");
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("it is said whether a password is wanted, or another one", async () => {
  const refuse: RequestListener = (_, response) => response.writeHead(401).end();
  assert.equal(await saidOf(refuse), "it wants a user and a password: --user, --password-file");
  const known = { ...OPTIONS, user: "me", password: "secret" };
  assert.equal(await saidOf(refuse, known), "it refuses the user me, or the password");
});

test("an answer that comes byte by byte is not waited for without an end", { timeout: 30_000 }, async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const drip: RequestListener = (_, response) => {
    const dripping = setInterval(() => response.write("{"), 50);
    response.once("close", () => clearInterval(dripping));
    t.mock.timers.tick(10_000);
  };
  assert.equal(await saidOf(drip), "no answer in 10 s");
});

test("what says too much is cut", async () => {
  const flood: RequestListener = (_, response) => {
    const more = (): void => void (response.destroyed || response.write("x".repeat(2 ** 20), more));
    more();
  };
  assert.equal(await saidOf(flood), "it says too much");
});

test("a certificate of an unknown authority asks for that of the authority", { skip: lacking("openssl") }, async () => {
  using folder = new TemporaryFolder();
  const certificates = new Certificates(folder.path);
  const pem = (name: string) => readFileSync(certificates.path(name), "utf8");
  const server = createHttpsServer({ cert: pem("server.crt"), key: pem("server.key") }, (_, response) =>
    response.writeHead(404).end(),
  );
  try {
    const url = `https://127.0.0.1:${await portOf(server)}`;
    await assert.rejects(ask(url, OPTIONS), /: its certificate is of an authority that is not known here: --ca FILE$/);
    await assert.rejects(ask(url, { ...OPTIONS, authorities: pem("ca.crt") }), /: it has no status page/);
  } finally {
    server.close();
  }
});

test("where nobody listens, that is said", async () => {
  const server = createServer();
  const port = await portOf(server);
  server.close();
  await once(server, "close");
  await assert.rejects(ask(`http://localhost:${port}`, OPTIONS), (error: Error) => {
    assert.match(error.message, /: connect ECONNREFUSED 127\.0\.0\.1:\d+/);
    return isAbsent(error);
  });
});
