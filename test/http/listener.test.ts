import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type ListenOptions, Server } from "node:net";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { PromtapError } from "../../src/errors.ts";
import { type ListenAddress, listen } from "../../src/http/listener.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { fetchText, saying, serve } from "./client.ts";
import { FakeSite } from "./fake-site.ts";

const needsIpv6 = { skip: loopbackIpv6Missing() };

function serveOn(...listenAddresses: ListenAddress[]): ReturnType<typeof serve> {
  return serve(new FakeSite(), { listen: listenAddresses });
}

async function listenAnywhere(host: string): Promise<{ server: Server; port: number }> {
  const server = createServer();
  await listen(server, { kind: "tcp", host, port: 0 });
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return { server, port: address.port };
}

describe("a port", () => {
  test("is bound on one IPv4 address", async () => {
    await using server = await serveOn({ kind: "tcp", host: "127.0.0.1", port: 0 });
    const [, port] = /^127\.0\.0\.1:(\d+)$/.exec(server.addresses[0] ?? "") ?? [];
    assert.equal(await fetchText({ host: "127.0.0.1", port: Number(port) }), "up 1\n");
  });

  test("is bound on one IPv6 address", needsIpv6, async () => {
    await using server = await serveOn({ kind: "tcp", host: "::1", port: 0 });
    const [, port] = /^\[::1\]:(\d+)$/.exec(server.addresses[0] ?? "") ?? [];
    assert.equal(await fetchText({ host: "::1", port: Number(port) }), "up 1\n");
    await assert.rejects(fetchText({ host: "127.0.0.1", port: Number(port) }), { code: "ECONNREFUSED" });
  });

  test("without a host is bound for IPv6 and IPv4", needsIpv6, async () => {
    await using server = await serveOn({ kind: "tcp", host: undefined, port: 0 });
    const [, port] = /^\[::\]:(\d+)$/.exec(server.addresses[0] ?? "") ?? [];
    assert.equal(await fetchText({ host: "::1", port: Number(port) }), "up 1\n");
    assert.equal(await fetchText({ host: "127.0.0.1", port: Number(port) }), "up 1\n");
  });

  test("without a host is bound for IPv4 alone if the kernel has no IPv6", async () => {
    await using server = new ServerWithout("::");
    assert.match((await listen(server, { kind: "tcp", host: undefined, port: 0 })).address, /^0\.0\.0\.0:\d+$/);
  });

  test("on an IPv6 address is an error if the kernel has no IPv6", async () => {
    await using server = new ServerWithout("::");
    await assert.rejects(
      listen(server, { kind: "tcp", host: "::", port: 9112 }),
      saying("couldn't listen on [::]:9112: this host has no IPv6; give another with --web.listen-address"),
    );
  });

  test("is an error that names the unit if no socket of the internet may be opened", async () => {
    for (const host of [undefined, "127.0.0.1"]) {
      await using server = new ServerWithout("::", "0.0.0.0", "127.0.0.1");
      await assert.rejects(
        listen(server, { kind: "tcp", host, port: 9112 }),
        saying(
          `couldn't listen on ${host ?? ""}:9112: the unit lets the service open no socket; ` +
            "have promtap.socket listen there, or give the unit its drop-in internet",
        ),
      );
    }
  });

  test("that is taken is an error that names the flag it came from", async () => {
    const { server: other, port } = await listenAnywhere("127.0.0.1");
    await using _ = other;
    await assert.rejects(
      serveOn({ kind: "tcp", host: undefined, port }),
      saying(`couldn't listen on :${port}: the port is taken by another process; give another with -p`),
    );
    await assert.rejects(
      serveOn({ kind: "tcp", host: "127.0.0.1", port }),
      saying(
        `couldn't listen on 127.0.0.1:${port}: the port is taken by another process; ` +
          "give another with --web.listen-address",
      ),
    );
  });

  test("whose IPv6 half alone is taken is not bound by halves", needsIpv6, async () => {
    await using other = createServer();
    other.listen({ host: "::", port: 0, ipv6Only: true });
    await once(other, "listening");
    const address = other.address();
    assert.ok(address !== null && typeof address === "object");
    await assert.rejects(serveOn({ kind: "tcp", host: undefined, port: address.port }), /the port is taken/);
  });

  test("on an address of another host is an error", () =>
    // RFC 5737: documentation only.
    assert.rejects(
      serveOn({ kind: "tcp", host: "192.0.2.1", port: 9112 }),
      saying(
        "couldn't listen on 192.0.2.1:9112: no interface of this host has that address; " +
          "give another with --web.listen-address",
      ),
    ));

  test("on a link-local address is an error that names what its interface lacks", needsIpv6, async () => {
    const advice = "; give another with --web.listen-address";
    await assert.rejects(
      serveOn({ kind: "tcp", host: "fe80::1", port: 9112 }),
      saying(
        `couldn't listen on [fe80::1]:9112: a link-local address needs its interface, as in [fe80::1%eth0]:9112${advice}`,
      ),
    );
    await assert.rejects(
      serveOn({ kind: "tcp", host: "fe80::1%nothing", port: 9112 }),
      saying(`couldn't listen on [fe80::1%nothing]:9112: there is no interface nothing${advice}`),
    );
  });

  test("below 1024 is an error that names the capability", { skip: privilegedPortsMissing() }, () => {
    const module = JSON.stringify(new URL("../../src/http/listener.ts", import.meta.url).href);
    const script = `import { createServer } from "node:net";
      const { listen } = await import(${module});
      process.setgid(65534);
      process.setuid(65534);
      await listen(createServer(), { kind: "tcp", host: undefined, port: 80 }).catch((error) => console.log(error.message));`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    assert.equal(
      stdout,
      "couldn't listen on :80: a port this low needs root or CAP_NET_BIND_SERVICE; give another with -p\n",
    );
  });

  test("of a later address that is taken frees the earlier ones", async () => {
    const { server: other, port } = await listenAnywhere("127.0.0.1");
    await using _ = other;
    using folder = new TemporaryFolder();
    const path = join(folder.path, "promtap.sock");
    await assert.rejects(
      serveOn({ kind: "unix", path, mode: 0o660, group: null }, { kind: "tcp", host: "127.0.0.1", port }),
      PromtapError,
    );
    assert.equal(existsSync(path), false);
  });
});

/** A server on a kernel without IPv6, as listening fails there. */
class ServerWithout extends Server {
  readonly #refused: readonly string[];

  constructor(...refused: readonly string[]) {
    super();
    this.#refused = refused;
  }

  override listen(...given: unknown[]): this {
    const options = given[0] as ListenOptions;
    if (!this.#refused.includes(options.host ?? "")) return super.listen(options);
    const error = Object.assign(new Error("listen EAFNOSUPPORT"), { code: "EAFNOSUPPORT" });
    process.nextTick(() => this.emit("error", error));
    return this;
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    if (this.listening) await super[Symbol.asyncDispose]();
  }
}

/** As `lacking` does, throws in CI. */
function loopbackIpv6Missing(): string | false {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  if (addresses.some(({ address }) => address === "::1")) return false;
  if (process.env["CI"]) throw new Error("the tests of this file can't be skipped in CI: this host has no ::1");
  return "this host has no ::1";
}

function privilegedPortsMissing(): string | false {
  const first = Number(readFileSync("/proc/sys/net/ipv4/ip_unprivileged_port_start", "utf8"));
  return lacking("root") || (first <= 80 && "this host lets anyone have port 80");
}
