import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { readdirSync, readlinkSync } from "node:fs";
import { before, describe, test } from "node:test";
import { bpfKind, tcxKind } from "../../../src/capture/bpf/bpf-engine.ts";
import { Links } from "../../../src/capture/links.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { lacking } from "../../support/requirements.ts";
import { enterPrivateNetwork, ip } from "../private-network.ts";

/** How many descriptors of maps and of programs there are, as the kernel names them. */
function bpfDescriptors(): { maps: number; programs: number } {
  const targets = readdirSync("/proc/self/fd").map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      // The one that listed the folder is closed.
      return "";
    }
  });
  const count = (kind: string): number => targets.filter((target) => target === `anon_inode:bpf-${kind}`).length;
  return { maps: count("map"), programs: count("prog") };
}

/** What the parser looks up, and the ranges. */
const SHARED_MAPS = 2;

/** From and to this address, where nobody listens. */
async function sendDatagram(address: string): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  await new Promise((resolve) => socket.send("x", 9, address, resolve));
  await new Promise<void>((resolve) => socket.close(resolve));
}

describe("the kernel engines", { skip: lacking("root", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
  });

  for (const make of [bpfKind, tcxKind]) {
    for (const isFixed of [true, false]) {
      const when = isFixed ? "forgotten" : "closed";
      test(`${make.name} keeps nothing of a ${when} interface but what all share, isFixed ${isFixed}`, async () => {
        using links = Links.open();
        const link = links.find("lo")!;
        const ranges = new RangeTable([parseRange("127.0.0.1")]);
        const ledger = new Ledger(ranges, 10).interface("lo");
        const kind = make({ ranges, maxAddresses: 10, wireSizes: false, opensTunnels: false, zonings: [], isFixed });
        const { maps, programs } = bpfDescriptors();
        const engine = await kind.open(link, ledger, 1);
        const held = { maps: maps + SHARED_MAPS, programs: programs + (isFixed ? 1 : 0) };
        assert.deepEqual(bpfDescriptors(), held, "more than what later programs need");
        await engine[Symbol.asyncDispose]();
        assert.deepEqual(bpfDescriptors(), held);
        kind.forget!("lo");
        kind.forget!("lo");
        assert.deepEqual(bpfDescriptors(), { maps: maps + SHARED_MAPS, programs });
        await (await kind.open(link, ledger, 1))[Symbol.asyncDispose]();
      });
    }

    test(`${make.name} lets other interfaces have the addresses of a forgotten one`, async () => {
      using links = Links.open();
      const link = links.find("lo")!;
      const ranges = new RangeTable([parseRange("127.0.0.0/24")]);
      const all = new Ledger(ranges, 1);
      const kind = make({
        ranges,
        maxAddresses: 1,
        wireSizes: false,
        opensTunnels: false,
        zonings: [],
        isFixed: false,
      });
      for (const lastByte of [1, 2]) {
        const engine = await kind.open(link, all.interface("lo"), 1);
        await sendDatagram(`127.0.0.${lastByte}`);
        await engine[Symbol.asyncDispose]();
        const { rows } = all.interface("lo");
        assert.deepEqual([rows.count, rows.isOther(0), rows.addressWord(0, 0)], [1, false, 0x7f00_0000 + lastByte]);
        kind.forget!("lo");
        all.forget("lo");
      }
    });
  }
});
