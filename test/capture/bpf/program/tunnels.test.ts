import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { UNOPENED_REASONS } from "../../../../src/packet/packet.ts";
import { hex, IPV4, ipv6, IPV6, MACS } from "../../../packet/frames.ts";
import { outerIpv4, SAMPLES, UDP_GTP, UNOPENABLE } from "../../../packet/tunnels.ts";
import { lacking } from "../../../support/requirements.ts";
import { tunnelFrames } from "../../tunnel-frames.ts";
import { canRun } from "../test-run.ts";
import { Twins, type TwinsOptions } from "../twins.ts";

const options = { skip: lacking("root") };
const RANGES = ["10.1.2.0/24:site=ams", "0.0.0.0/0/8", "2001:db8::/64:site=ams", "fe80::/64:site=ams", "::/0/32"];
const ETHERNET_HEADER_BYTES = 14;

const MALFORMED = UNOPENABLE.map(({ name, packet }) => ({ name, frame: hex(`${MACS} 0800 ${packet}`) }));
const FRAGMENTS = ["0000", "0001", "0010", "0006"].map((fragment) => ({
  name: `a fragment ${fragment} of IPv6`,
  frame: hex(`${MACS} 86dd 60000000 0030 2c 40 ${"20010db8".repeat(8)} 29 00 ${fragment} 00000007 ${IPV6}`),
}));
/** Only the first of both says that more follow. */
const TWICE = {
  name: "two fragment headers",
  frame: hex(
    `${MACS} 86dd 60000000 0038 2c 40 ${"20010db8".repeat(8)} 2c 00 0001 00000007 29 00 0000 00000007 ${IPV6}`,
  ),
};
/** The port of VXLAN stands where a program finds it that takes the frame's start for that of UDP. */
const LATER = {
  name: "a later fragment of UDP",
  frame: hex(`0200 12b5 ${MACS.slice(12)} 0800 ${outerIpv4(5, 17, `${UDP_GTP} 30 ff ${IPV4}`, "0010")}`),
};
/** In a tunnel: an extension header follows the first fragment, and nothing a later one. */
const INNER_FRAGMENTS = ["0001", "0010"].map((fragment) => ({
  name: `a fragment ${fragment} of IPv6 in a tunnel`,
  frame: hex(`${MACS} 0800 ${outerIpv4(5, 41, `${ipv6("2c")} 3c 00 ${fragment} 00000007 0600010400000000 9c400009`)}`),
}));
const FRAMES = [...SAMPLES, ...MALFORMED, ...FRAGMENTS, TWICE, LATER, ...INNER_FRAGMENTS];

function twinsOf(more: TwinsOptions): Twins {
  return new Twins(RANGES.map(parseRange), { opensTunnels: true, ...more });
}

for (const hook of Object.values(Hook)) {
  describe(`with tunnels, the program at the hook ${hook} counts as the parser and the ledger do`, options, () => {
    test("tunnels of every kind, cut at every length", () => {
      using twins = twinsOf({ hook });
      for (const { frame } of FRAMES) {
        for (let end = 0; end <= frame.length; end++) {
          const part = frame.subarray(0, end);
          if (canRun(hook, part)) twins.see(part);
        }
      }
      assert.deepEqual(twins.counted(), twins.parsed());
      const { unopened } = twins.counted();
      for (const [, reason] of UNOPENED_REASONS) assert.ok(unopened[reason]! > 0, reason);
    });

    test("tunnels of every kind, one by one", () => {
      using twins = twinsOf({ hook });
      for (const { name, frame } of FRAMES) {
        twins.see(frame);
        assert.deepEqual(twins.counted(), twins.parsed(), name);
      }
    });

    test("stacks of headers in tunnels, legal and not", () => {
      using twins = twinsOf({ hook });
      const property = fc.property(tunnelFrames, (frame) => {
        if (canRun(hook, frame)) twins.see(frame);
      });
      fc.assert(property, { numRuns: 3000 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });
  });
}

describe("with tunnels, programs count as the parser does", options, () => {
  test("every protocol, port and type", () => {
    using twins = twinsOf({});
    const see = (text: string, at: number, bytes: 1 | 2): void => {
      const frame = hex(`${MACS} 0800 ${text}`);
      const view = new DataView(frame.buffer, ETHERNET_HEADER_BYTES);
      for (let number = 0; number < 256 ** bytes; number++) {
        if (bytes === 1) view.setUint8(at, number);
        else view.setUint16(at, number);
        twins.see(frame);
      }
    };
    see(outerIpv4(5, 0, IPV4), 9, 1);
    see(outerIpv4(5, 0, `0000 0800 ${IPV4}`), 9, 1);
    see(outerIpv4(6, 17, `${UDP_GTP} 08000000 00000700 ${MACS} 0800 ${IPV4}`), 24 + 2, 2);
    see(outerIpv4(5, 47, `0000 0000 ${MACS} 0800 ${IPV4}`), 20 + 2, 2);
    // Flags of GRE, of GTP-U and of VXLAN; versions of ERSPAN.
    see(outerIpv4(5, 47, `0000 0800 ${IPV4} ${IPV4}`), 20, 2);
    see(outerIpv4(5, 47, `1000 22eb 00000001 2064 0007 00000000 0000 0000 ${MACS} 0800 ${IPV4}`), 20 + 18, 2);
    see(outerIpv4(5, 47, `1000 22eb 00000001 2064 0007 00000000 0000 0800 ${IPV4}`), 20 + 8, 1);
    see(outerIpv4(5, 17, `${UDP_GTP} 30 ff 0000 00000007 00000000 ${IPV4} ${IPV4}`), 28, 2);
    see(outerIpv4(5, 17, `c000 12b5 0000 0000 08000000 00000700 ${MACS} 0800 ${IPV4}`), 28, 1);
    see(outerIpv4(5, 17, `c000 17c1 0000 0000 0000 0800 00000700 ${IPV4}`), 28, 1);
    assert.deepEqual(twins.counted(), twins.parsed());
  });

  test("tunnels without a link header", () => {
    using twins = twinsOf({ isEthernet: false });
    for (const { frame } of FRAMES) {
      const etherType = new DataView(frame.buffer).getUint16(ETHERNET_HEADER_BYTES - 2);
      twins.see(frame.slice(ETHERNET_HEADER_BYTES), { etherType });
    }
    assert.deepEqual(twins.counted(), twins.parsed());
  });

  test("tunnels that are not to be opened", () => {
    using twins = twinsOf({ opensTunnels: false });
    for (const { frame } of SAMPLES) twins.see(frame);
    const counted = twins.counted();
    assert.deepEqual(counted, twins.parsed());
    assert.doesNotMatch([...counted.cells.keys()].join("\n"), /^IPv4 a/m);
  });
});
