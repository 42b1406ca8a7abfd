import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FileFilter } from "../../../src/capture/pcap/file-filter.ts";
import { ErrorCode, PromtapError } from "../../../src/errors.ts";
import {
  LINKTYPE_ETHERNET,
  LINKTYPE_LINUX_SLL,
  LINKTYPE_NULL,
  LINKTYPE_RAW,
} from "../../../src/packet/link/link-types.ts";
import { type Frame, ipv4Frame, PROTOCOL_TCP } from "../../support/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { EXPRESSIONS, FRAMES } from "./filtered-frames.ts";
import { type PcapFields, pcapHeader, pcapRecord, u32 } from "../savefile/captures.ts";

const FLAG = "wialon-filter";
const options = { skip: lacking("libpcap", "tcpdump") };

/** Indices of the frames that tcpdump keeps of a file with this expression. Each frame has its index for a time. */
function keptByTcpdump(expression: string, frames: readonly number[][], fields: Partial<PcapFields> = {}): number[] {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "frames.pcap");
  const order = fields.order ?? "little";
  const parts = frames.map((bytes, index) => [...u32(order, index), ...pcapRecord(order, { bytes }).slice(4)]);
  writeFileSync(path, Uint8Array.from([...pcapHeader({ order, ...fields }), ...parts.flat()]));
  const args = ["-r", path, "-tt", "-n", "-q", "-c", `${frames.length}`, expression];
  const text = execFileSync("tcpdump", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return [...text.matchAll(/^(\d+)\.\d{6} /gm)].map(([, index]) => Number(index));
}

function passed(filter: FileFilter, linkType: number, frames: readonly number[][]): number[] {
  return frames.flatMap((bytes, index) => {
    const framed = Uint8Array.from([9, 9, 9, ...bytes, 9]);
    return filter.passes(linkType, framed, 3, 3 + bytes.length, bytes.length) ? [index] : [];
  });
}

describe("a filter for frames of a file", options, () => {
  for (const expression of EXPRESSIONS) {
    test(`passes what tcpdump passes: ${expression}`, () => {
      const filter = new FileFilter({ flag: FLAG, expression });
      const frames = FRAMES.map(({ bytes }) => bytes);
      assert.deepEqual(passed(filter, LINKTYPE_ETHERNET, frames), keptByTcpdump(expression, frames));
    });
  }

  for (const [linkType, order, header] of [
    [LINKTYPE_RAW, "little", () => []],
    [LINKTYPE_LINUX_SLL, "little", (type: number) => [...Buffer.alloc(14), type >> 8, type & 0xff]],
    [LINKTYPE_NULL, "little", (type: number) => [type === 0x800 ? 2 : 30, 0, 0, 0]],
    [LINKTYPE_NULL, "big", (type: number) => [0, 0, 0, type === 0x800 ? 2 : 30]],
  ] as const) {
    test(`passes what tcpdump passes of link type ${linkType}, of ${order}-endian files`, () => {
      const isIp = ({ bytes }: Frame): boolean => ["8,0", "134,221"].includes(bytes.slice(12, 14).join());
      const frames = FRAMES.filter(isIp).map(({ bytes }) => [
        ...header((bytes[12]! << 8) | bytes[13]!),
        ...bytes.slice(14),
      ]);
      for (const expression of ["tcp port 9", "ip6 protochain 6", "protochain 17", "not ip", "greater 200"]) {
        const filter = new FileFilter({ flag: FLAG, expression });
        const kept = keptByTcpdump(expression, frames, { linkType, order });
        assert.deepEqual(passed(filter, linkType, frames), kept, expression);
      }
    });
  }

  test("looks behind the outermost VLAN tag as it does live, if the expression says nothing of VLANs", () => {
    const frames = FRAMES.map(({ bytes }) => bytes);
    for (const expression of ["tcp port 9", "vlan 7 and tcp port 9", "ip6 protochain 6", "arp"]) {
      const filter = new FileFilter({ flag: FLAG, expression }, true);
      const meant = expression.includes("vlan") ? expression : `(${expression}) or (vlan and (${expression}))`;
      assert.deepEqual(passed(filter, LINKTYPE_ETHERNET, frames), keptByTcpdump(meant, frames), expression);
    }
    const packets = FRAMES.map(({ bytes }) => bytes.slice(14));
    const filter = new FileFilter({ flag: FLAG, expression: "tcp port 9" }, true);
    const kept = keptByTcpdump("tcp port 9", packets, { linkType: LINKTYPE_RAW });
    assert.deepEqual(passed(filter, LINKTYPE_RAW, packets), kept, "if there are no tags");
  });

  test("comes to an end if a frame's headers lead in a circle", () => {
    const plain = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: 51, lengthBytes: 60 });
    // libpcap takes the length of an AH for its place: (3 + 2) * 4 bytes behind the first header, this one is its own next.
    const headers = Array.from({ length: 20 }, () => [51, 3]);
    const bytes = Uint8Array.from([...plain.bytes.slice(0, 34), ...headers.flat()]);
    const filter = new FileFilter({ flag: FLAG, expression: "ip protochain 6" });
    assert.equal(filter.passes(LINKTYPE_ETHERNET, bytes, 0, bytes.length, bytes.length), false);
  });

  for (const expression of ["inbound", "outbound and tcp", "ifindex 3"]) {
    test(`that asks for what no file tells is refused, as tcpdump does: ${expression}`, () => {
      assert.throws(() => new FileFilter({ flag: FLAG, expression }), {
        code: ErrorCode.USAGE,
        message: /not supported on Ethernet when reading savefiles/,
      });
    });
  }

  test("is made again for each link type", () => {
    const filter = new FileFilter({ flag: FLAG, expression: "tcp port 9" });
    const { bytes } = ipv4Frame({
      source: "10.0.0.1",
      destination: "10.0.0.2",
      protocol: PROTOCOL_TCP,
      lengthBytes: 60,
    });
    const packet = Uint8Array.from(bytes.slice(14));
    assert.equal(filter.passes(LINKTYPE_RAW, packet, 0, 60, 60), true);
    const cooked = Uint8Array.from([...new Uint8Array(14), 8, 0, ...packet]);
    assert.equal(filter.passes(LINKTYPE_LINUX_SLL, cooked, 0, cooked.length, cooked.length), true);
    assert.equal(filter.passes(LINKTYPE_LINUX_SLL, packet, 0, 60, 60), false);
  });

  test("passes nothing of a link type for which it means nothing", () => {
    const filter = new FileFilter({ flag: FLAG, expression: "ether host 02:00:00:00:00:01" });
    assert.equal(filter.passes(LINKTYPE_RAW, new Uint8Array(60), 0, 60, 60), false);
  });

  test("that is not legal is a usage error that says why", () => {
    assert.throws(
      () => new FileFilter({ flag: FLAG, expression: "tcp prt 1" }),
      (error) =>
        error instanceof PromtapError &&
        error.code === ErrorCode.USAGE &&
        /^invalid --wialon-filter "tcp prt 1": .*syntax error.*; legal is an expression of pcap-filter\(7\)$/.test(
          error.message,
        ),
    );
  });
});
