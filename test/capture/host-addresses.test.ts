import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { HostAddresses } from "../../src/capture/host-addresses.ts";
import { formatIpv4, formatIpv6 } from "../../src/packet/address.ts";
import { FileLimit } from "../support/file-limit.ts";
import { lacking } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";
import { enterPrivateNetwork, ip, ipBatch } from "./private-network.ts";

function textsOf(addresses: HostAddresses): string[] {
  return addresses
    .all()
    .map(({ version, value, isBroadcast }) => {
      const word = (shift: bigint): number => Number((value >> shift) & 0xffff_ffffn);
      const text = version === 4 ? formatIpv4(word(0n)) : formatIpv6(word(96n), word(64n), word(32n), word(0n));
      return isBroadcast ? `${text} to all` : text;
    })
    .toSorted();
}

describe("the host's addresses", { skip: lacking("root", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
    ip("link add eth0 type bridge");
    ip("address add 192.0.2.1/24 brd + dev eth0");
    ip("address add 10.2.0.1/24 dev eth0");
    ip("address add 10.0.0.1 peer 10.0.0.2 dev eth0");
  });

  test("are those of all interfaces, up or down", () => {
    using addresses = HostAddresses.open();
    assert.deepEqual(
      textsOf(addresses).filter((text) => !text.startsWith("::")),
      [
        "10.0.0.1",
        "10.2.0.1",
        "10.2.0.255 to all",
        "127.0.0.1",
        "127.255.255.255 to all",
        "192.0.2.1",
        "192.0.2.255 to all",
      ],
    );
  });

  test("are asked for again when the kernel could not be asked", async () => {
    using addresses = HostAddresses.open();
    addresses.watch(() => {});
    ip("address add 192.0.2.77/32 dev eth0");
    const asked = performance.now() + 1500;
    {
      using _limit = new FileLimit(0);
      await until("it was asked for in vain", () => performance.now() > asked);
      assert.ok(!textsOf(addresses).includes("192.0.2.77"));
    }
    await until("it is known", () => textsOf(addresses).includes("192.0.2.77"));
  });

  test("are told when they come and go, all at once", async () => {
    using addresses = HostAddresses.open();
    let changes = 0;
    addresses.watch(() => changes++);
    const many = Array.from({ length: 500 }, (_, k) => `10.1.${k >> 8}.${k & 255}`);
    ipBatch(many.map((address) => `address add ${address}/32 dev eth0`));
    await until("all are known", () => many.every((address) => textsOf(addresses).includes(address)));
    ip("link delete eth0");
    await until("they are gone", () => textsOf(addresses).every((text) => text.startsWith("127.") || text === "::1"));
    assert.ok(changes >= 2 && changes < 20, `${changes} changes`);
  });
});
