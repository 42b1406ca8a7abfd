import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { openPacketSocket, Promiscuity } from "../../src/capture/packet-socket.ts";
import { PromtapError } from "../../src/errors.ts";
import * as libc from "../../src/native/libc.ts";
import { lacking } from "../support/requirements.ts";
import { deleteAll, enterPrivateNetwork, findLink, ip, promiscuity } from "./private-network.ts";

const NAME = "prom0";

describe("interfaces of sockets", { skip: lacking("root", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip(`link add ${NAME} type bridge`);
  });
  after(deleteAll);

  test("are promiscuous as was said last, whatever came in between, until they are left", async () => {
    const link = findLink(NAME);
    const all = new Promiscuity(false);
    const sockets = [openPacketSocket(NAME, true), openPacketSocket(NAME, true), openPacketSocket("lo", true)];
    const [first, second, loopback] = sockets as [number, number, number];
    await all.join(first, link);
    assert.equal(promiscuity(NAME), 0);
    await Promise.all([all.turn(true), all.turn(false), all.join(second, link), all.turn(true), all.turn(true)]);
    assert.equal(promiscuity(NAME), 2);
    await all.join(loopback, findLink("lo"));
    assert.equal(promiscuity("lo"), 0);
    await Promise.all([all.turn(false), all.turn(true), all.leave(second)]);
    await libc.closeInBackground(second);
    assert.equal(promiscuity(NAME), 1);
    await all.turn(false);
    assert.equal(promiscuity(NAME), 0);
    for (const fd of [first, loopback]) await libc.closeInBackground(fd);
  });

  test("may have gone when others are turned, but not when they are added", async () => {
    ip("link add prom1 type bridge");
    const [gone, there] = [openPacketSocket("prom1", true), openPacketSocket(NAME, true)];
    const link = findLink("prom1");
    const all = new Promiscuity(false);
    await all.join(gone, link);
    await all.join(there, findLink(NAME));
    ip("link delete prom1");
    await all.turn(true);
    assert.equal(promiscuity(NAME), 1);
    const late = openPacketSocket(undefined, true);
    await assert.rejects(all.join(late, link), (error) => error instanceof PromtapError && /prom1/.test(error.message));
    for (const fd of [gone, there, late]) await libc.closeInBackground(fd);
  });

  test("are left as they were if one can't be turned", async () => {
    const [socket, broken] = [openPacketSocket(NAME, true), openPacketSocket(NAME, true)];
    const all = new Promiscuity(false);
    await all.join(socket, findLink(NAME));
    await all.join(broken, findLink(NAME));
    await libc.closeInBackground(broken);
    await assert.rejects(all.turn(true), new RegExp(`make ${NAME} promiscuous`));
    assert.equal(promiscuity(NAME), 0);
    await all.leave(broken);
    await all.turn(true);
    assert.equal(promiscuity(NAME), 1);
    await libc.closeInBackground(socket);
  });
});
