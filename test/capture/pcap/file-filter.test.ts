import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { FileFilter } from "../../../src/capture/pcap/file-filter.ts";
import { ErrorCode, PromtapError } from "../../../src/errors.ts";
import { LINKTYPE_ETHERNET, LINKTYPE_LINUX_SLL, LINKTYPE_RAW } from "../../../src/packet/link.ts";
import {
  arpFrame,
  cut,
  ipv4Frame,
  ipv6Frame,
  PROTOCOL_ICMP,
  PROTOCOL_TCP,
  PROTOCOL_UDP,
  tagged,
} from "../../support/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";
import { pcap } from "../savefile/captures.ts";

const FLAG = "wialon-filter";
const options = { skip: lacking("libpcap", "tcpdump") };

/** Frames of many kinds; ports are 40000 → 9. */
const FRAMES = [PROTOCOL_TCP, PROTOCOL_UDP, PROTOCOL_ICMP].flatMap((protocol) =>
  [60, 100, 1400].flatMap((lengthBytes) => [
    ipv4Frame({ source: "10.0.0.1", destination: "192.0.2.200", protocol, lengthBytes }),
    tagged(ipv4Frame({ source: "10.0.0.2", destination: "192.0.2.1", protocol, lengthBytes }), 7),
    ipv6Frame({ source: "2001:db8::1", destination: "2001:db8::2", protocol, lengthBytes }),
    cut(ipv4Frame({ source: "10.0.0.3", destination: "192.0.2.1", protocol, lengthBytes }), 22),
  ]),
);
FRAMES.push(arpFrame());

const EXPRESSIONS = [
  "tcp port 9",
  "port 40000",
  "udp portrange 5-20",
  "host 10.0.0.1 or host 2001:db8::2",
  "net 192.0.2.128/25",
  "not ip",
  "vlan 7 and tcp",
  "greater 200",
  "less 80 and not arp",
  "ip[2:2] > 99 and ip[8] == 64",
  "tcp[tcpflags] & tcp-ack != 0",
  "ether[0] & 1 = 0 and (ip[0] & 0xf) * 4 = 20",
  "ip[ip[0] & 0xf] != 5 or len % 7 = 3",
  "tcp[((tcp[12] & 0xf0) >> 2):4] = 0x14151617",
  "ip6 proto 6 or icmp",
  "64 = -(-ip[8]) or ip[9] / 2 * 2 - 1 ^ 3 = 18",
];

/** Indices of the frames that tcpdump keeps of a file with this expression. */
function keptByTcpdump(expression: string): number[] {
  using folder = new TemporaryFolder();
  const path = join(folder.path, "frames.pcap");
  const captured = FRAMES.map(({ bytes }) => ({ bytes }));
  writeFileSync(path, Uint8Array.from(pcap({ order: "little" }, captured).flat()));
  const kept = join(folder.path, "kept.pcap");
  execFileSync("tcpdump", ["-r", path, "-w", kept, expression], { stdio: "ignore" });
  return framesIn(kept);
}

function framesIn(path: string): number[] {
  const hex = execFileSync("tcpdump", ["-r", path, "-n", "-xx"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "ignore"],
  });
  const frames = hex.split(/\n(?=\S)/).filter((text) => text.trim() !== "");
  const texts = frames.map((text) =>
    [...text.matchAll(/^\s+0x[0-9a-f]+:\s+([0-9a-f ]+)$/gm)]
      .map(([, bytes = ""]) => bytes.replaceAll(" ", ""))
      .join(""),
  );
  const own = FRAMES.map(({ bytes }) => Buffer.from(bytes).toString("hex"));
  return texts.map((text) => own.indexOf(text));
}

describe("a filter for frames of a file", options, () => {
  for (const expression of EXPRESSIONS) {
    test(`passes what tcpdump passes: ${expression}`, () => {
      const filter = new FileFilter({ flag: FLAG, expression });
      const passed = FRAMES.flatMap(({ bytes }, index) => {
        const framed = Uint8Array.from([9, 9, 9, ...bytes, 9]);
        const passes = filter.passes(LINKTYPE_ETHERNET, framed, 3, 3 + bytes.length, bytes.length);
        return passes ? [index] : [];
      });
      assert.deepEqual(passed, keptByTcpdump(expression));
    });
  }

  test("is made anew for each link type", () => {
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
