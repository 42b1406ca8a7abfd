import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import { RunningPromtap } from "../support/promtap.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

/** From SIGTERM to the end: 3 s, and a machine that is busy. */
const END_MS = 4_000;

/** Ends promtap, and shows that it ended in time, in good order, and for the signal. */
async function stopInTime(promtap: RunningPromtap): Promise<void> {
  const asked = performance.now();
  const { status, stderr } = await promtap.stop();
  assert.ok(performance.now() - asked < END_MS, stderr);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /msg=stopping signal=SIGTERM/);
}

describe("SIGTERM ends promtap in time", { skip: lacking("root"), timeout: 60_000 }, () => {
  test("while a program that it runs hangs, and a scrape waits for it", async () => {
    using folder = new TemporaryFolder();
    const started = join(folder.path, "started");
    const hang = `#!/bin/sh\ntrap "" TERM\necho > ${started}\nwhile :; do sleep 1; done\n`;
    for (const name of ["iptables-nft-save", "ip6tables-nft-save", "nft"]) {
      writeFileSync(join(folder.path, name), hang, { mode: 0o755 });
    }
    await using promtap = await RunningPromtap.start(undefined, ["--iptables", "--iptables-folder", folder.path]);
    const scrape = promtap.get("/metrics").catch(() => undefined);
    await until("the program hangs", () => execFileSync("ls", [folder.path], { encoding: "utf8" }).includes("started"));
    await stopInTime(promtap);
    await scrape;
  });

  test("while brokers of Kafka take connections and never answer", async () => {
    const connections: Socket[] = [];
    const silent = createServer((socket) => connections.push(socket.unref())).unref();
    silent.listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as { port: number };
    const kafka = [`--flow-brokers=127.0.0.1:${port}`, "--flow-topic=t", "-i", "lo", "--flow-produce=p"];
    await using promtap = await RunningPromtap.start(undefined, [...kafka, "--flow-asn=1"]);
    await until("promtap has connected", () => connections.length > 0);
    await stopInTime(promtap);
  });

  test("while nobody writes to the pipe that it reads", async () => {
    using folder = new TemporaryFolder();
    const fifo = join(folder.path, "fifo");
    execFileSync("mkfifo", [fifo]);
    await using promtap = await RunningPromtap.start(undefined, ["--read", fifo]);
    await stopInTime(promtap);
  });

  test("while clients send no request, or take no answer", async () => {
    using folder = new TemporaryFolder();
    const socket = join(folder.path, "second");
    const args = ["--geoip", "--web.listen-address", `unix:${socket}`];
    await using promtap = await RunningPromtap.start(undefined, args);
    const mute = connect(socket);
    await once(mute, "connect");
    mute.write("GET /metrics HTTP/1.1\r\n");
    const lazy = request({ socketPath: socket, path: "/metrics", agent: false });
    lazy.on("error", () => {});
    lazy.end();
    const [response] = await once(lazy, "response");
    response.on("error", () => {}).pause();
    await stopInTime(promtap);
    mute.destroy();
    lazy.destroy();
  });
});
