import assert from "node:assert/strict";
import { readdirSync, readlinkSync } from "node:fs";
import { before, describe, test } from "node:test";
import { bpfKind, tcxKind } from "../../../src/capture/bpf/bpf-engine.ts";
import { Links } from "../../../src/capture/links.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import { parseRange } from "../../../src/range-syntax.ts";
import { lacking } from "../../support/requirements.ts";
import { enterPrivateNetwork, ip } from "../private-network.ts";

/** Descriptors of maps and programs, as the kernel names them. */
function bpfDescriptors(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${fd}`);
      return target.startsWith("anon_inode:bpf") ? [target] : [];
    } catch {
      // The one that listed the folder is closed.
      return [];
    }
  });
}

describe("the kernel engines", { skip: lacking("root", "ip") }, () => {
  before(() => {
    enterPrivateNetwork();
    ip("link set lo up");
  });

  for (const make of [bpfKind, tcxKind]) {
    test(`${make.name} keeps nothing of a forgotten interface but what all share`, async () => {
      using links = Links.open();
      const link = links.find("lo")!;
      const ranges = new RangeTable([parseRange("127.0.0.1")]);
      const ledger = new Ledger(ranges, 10, 0).interface("lo");
      const kind = make({ ranges, maxAddresses: 10, wireSizes: false, isFixed: false });
      const before = bpfDescriptors().length;
      await kind.open(link, ledger, 1)[Symbol.asyncDispose]();
      assert.ok(bpfDescriptors().length > before + 5, "tables outlive their engine");
      kind.forget!("lo");
      kind.forget!("lo");
      assert.deepEqual(bpfDescriptors().slice(before), ["anon_inode:bpf-map"]);
      await kind.open(link, ledger, 1)[Symbol.asyncDispose]();
    });
  }
});
