import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, test } from "node:test";
import { AF_INET } from "../../src/packet/headers.ts";
import { dumpRequest, NETLINK_SOCK_DIAG } from "../../src/collectors/connections/inet-diag.ts";
import { LISTENING } from "../../src/collectors/connections/tcp-socket.ts";
import { DumpEnd, type DumpLimits, NetlinkDump } from "../../src/native/netlink-dump.ts";

const SOCK_DIAG_BY_FAMILY = 20;
const EINVAL = 22;

function open(isInBackground = false): NetlinkDump {
  const dump = NetlinkDump.open(NETLINK_SOCK_DIAG, isInBackground);
  assert.ok(typeof dump !== "number", "no socket of netlink");
  return dump;
}

/** How the dump of listening sockets ends, and their ports, which are 16 bits after the families. */
async function listening(dump: NetlinkDump, limits: DumpLimits): Promise<{ end: number; ports: number[] }> {
  const ports: number[] = [];
  const end = await dump.run(dumpRequest(AF_INET, LISTENING), limits, (type, bytes, from) => {
    assert.equal(type, SOCK_DIAG_BY_FAMILY);
    ports.push((bytes[from + 4]! << 8) | bytes[from + 5]!);
  });
  return { end, ports };
}

describe("a dump", () => {
  for (const isInBackground of [false, true]) {
    test(`tells all, one after the other on the same socket${isInBackground ? ", from another thread" : ""}`, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      using dump = open(isInBackground);
      for (let round = 0; round < 3; round++) {
        const { end, ports } = await listening(dump, { deadline: performance.now() + 60_000 });
        assert.ok(end === DumpEnd.WHOLE || end === DumpEnd.TORN, `${end}`);
        assert.equal(ports.filter((each) => each === port).length, 1);
      }
      server.close();
    });
  }

  test("that the kernel refuses ends with the negated errno", async () => {
    using dump = open();
    const request = dumpRequest(AF_INET, LISTENING).subarray(0, 20);
    new DataView(request.buffer).setUint32(0, request.length, true);
    assert.equal(await dump.run(request, { deadline: performance.now() + 60_000 }, () => {}), -EINVAL);
    assert.equal(
      dump.ask(request, () => {}),
      -EINVAL,
    );
  });
});
