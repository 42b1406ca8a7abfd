import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import { vlanRefusal } from "../../../../src/capture/bpf/vlans/vlan-layout.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { hex, IPV4, IPV6, MACS } from "../../../packet/frames.ts";
import { ipv4Frame, ipv6Frame, PROTOCOL_TCP, PROTOCOL_UDP, tagged } from "../../../support/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { frames } from "../../ring/layered-frames.ts";
import { tunnelFrames } from "../../tunnel-frames.ts";
import { canRun } from "../test-run.ts";
import { type Facts, totalsOf, Twins, type TwinsOptions } from "../twins.ts";

const options = { skip: lacking("root") };
const RANGES = ["10.1.2.0/24:site=ams", "0.0.0.0/0/8:site=all", "2001:db8::/64:site=ams", "::/0/32:site=all"];
const MANY = { limit: 1024, known: [] };

/** What stands behind the addresses of a frame. */
const FRAMES = [
  `0800 ${IPV4}`,
  "8100 0007 0806 0001 0800 06 04 0001",
  `8100 0007 0800 ${IPV4}`,
  `8100 0007 86dd ${IPV6}`,
  `8100 a007 0800 ${IPV4}`,
  `8100 e000 0800 ${IPV4}`,
  `88a8 0064 8100 00c8 86dd ${IPV6}`,
  `88a8 0000 8100 0fff 0800 ${IPV4}`,
  `88a8 0fff 8100 0000 0800 ${IPV4}`,
  `9100 0001 8100 0000 9200 0002 8100 0003 0800 ${IPV4}`,
  `${"8100 0007".repeat(8)} 0800 ${IPV4}`,
  `${"8100 0007".repeat(9)} 0800 ${IPV4}`,
  `8100 0007 001c aaaa03 000000 0800 ${IPV4}`,
  `8100 0007 8864 11 00 0001 0016 0021 ${IPV4}`,
  `8847 000640ff 000641ff ${IPV4}`,
].map((text) => hex(`${MACS} ${text}`));

function twinsOf(hook: Hook, further: TwinsOptions = {}): Twins {
  return new Twins(RANGES.map(parseRange), { hook, vlans: MANY, ...further });
}

/** Packets of host `host` in a VLAN, by both versions. */
function framesOf(host: number, vlan: number): Uint8Array[] {
  const fields = { protocol: PROTOCOL_UDP, lengthBytes: 100 + host };
  return [
    ipv4Frame({ source: `10.1.2.${host}`, destination: "203.0.113.9", ...fields }),
    ipv6Frame({ source: `2001:db8::${host}`, destination: "2001:4860::9", ...fields }),
  ].map((frame) => Uint8Array.from(tagged(frame, vlan).bytes));
}

/** What all addresses have together, by VLAN. */
function totalsByVlan({ cells, ...facts }: Facts): Map<string, ReturnType<typeof totalsOf>> {
  const byVlan = Map.groupBy(cells, ([name]) => /^([\w.]+): /.exec(name)?.[1] ?? "");
  return new Map(
    [...byVlan]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([vlan, all]) => [vlan, totalsOf({ ...facts, cells: new Map(all) })]),
  );
}

for (const hook of Object.values(Hook)) {
  describe(`a program of hook ${hook} tells VLANs apart as the parser and the ledger do`, options, () => {
    test("in frames of every kind, cut at every length", () => {
      using twins = twinsOf(hook);
      for (const frame of FRAMES) {
        for (let end = 0; end <= frame.length; end++) {
          const part = frame.slice(0, end);
          if (canRun(hook, part)) twins.see(part);
        }
        assert.deepEqual(twins.counted(), twins.parsed());
      }
      assert.deepEqual([...twins.counted().vlans.keys()], ["1", "1.2", "100", "100.200", "4095", "7", "7.7"]);
    });

    test("in stacks of headers, legal and not", () => {
      using twins = twinsOf(hook);
      const property = fc.property(frames, (frame) => void (canRun(hook, frame) && twins.see(frame)));
      fc.assert(property, { numRuns: 1500 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("in tunnels, those inside", () => {
      using twins = twinsOf(hook, { opensTunnels: true });
      const property = fc.property(tunnelFrames, (frame) => void (canRun(hook, frame) && twins.see(frame)));
      fc.assert(property, { numRuns: 1500 });
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("of merged packets, as those on the wire", () => {
      using twins = twinsOf(hook, { wireSizes: true });
      const fields = { source: "10.1.2.3", destination: "192.0.2.9", protocol: PROTOCOL_TCP, lengthBytes: 1400 };
      const frame = Uint8Array.from(tagged(ipv4Frame(fields), 7).bytes);
      for (const gsoSize of [0, 500]) twins.see(frame, { gsoSize });
      const counted = twins.counted();
      assert.equal(counted.aggregatedPackets, 1);
      assert.deepEqual(counted, twins.parsed());
    });

    test("without ranges", () => {
      using twins = new Twins([], { hook, vlans: MANY });
      for (const frame of FRAMES) twins.see(frame);
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("as many as there may be, in the order in which they are seen", () => {
      using twins = twinsOf(hook, { vlans: { limit: 2, known: [] } });
      // The kernel has numbers for more, and not for all.
      for (let vlan = 100; vlan > 0; vlan--) for (const frame of framesOf(7, vlan)) twins.see(frame);
      const counted = twins.counted();
      assert.deepEqual([...counted.vlans.keys()], ["100", "99", "other"]);
      assert.deepEqual(counted, twins.parsed());
      for (let vlan = 1; vlan <= 100; vlan++) for (const frame of framesOf(8, vlan)) twins.see(frame);
      assert.deepEqual(twins.counted(), twins.parsed());
    });

    test("which were told apart before, whatever comes first", () => {
      using twins = twinsOf(hook, { vlans: { limit: 1, known: [7] } });
      for (let vlan = 100; vlan > 0; vlan--) for (const frame of framesOf(7, vlan)) twins.see(frame);
      assert.deepEqual([...twins.counted().vlans.keys()], ["7", "other"]);
    });

    test("with more addresses in them than have rows", () => {
      using twins = twinsOf(hook, { maxAddresses: 40 });
      for (let host = 1; host <= 20; host++) {
        for (let vlan = 1; vlan <= 20; vlan++) for (const frame of framesOf(host, vlan)) twins.see(frame);
      }
      const counted = twins.counted();
      assert.equal(counted.addresses, 40);
      assert.deepEqual(counted, twins.parsed());
    });

    test("and counts what finds no slot for others", () => {
      const sizes: TwinsOptions["sizes"] = (chosen) => ({ ...chosen, slots: chosen.firstDynamicSlot + 9 });
      using twins = twinsOf(hook, { sizes });
      for (let vlan = 1; vlan <= 20; vlan++) for (const frame of framesOf(7, vlan)) twins.see(frame);
      const [counted, parsed] = [twins.counted(), twins.parsed()];
      assert.deepEqual([...totalsByVlan(counted).keys()], ["1", "2", "3", "other"]);
      assert.deepEqual(totalsOf(counted), totalsOf(parsed));
      counted.vlans.delete("other");
      assert.deepEqual([counted.all, counted.vlans], [parsed.all, parsed.vlans]);
      assert.ok(counted.exhaustedPackets > 0);
    });
  });
}

test("more VLANs than the kernel has room for are refused", () => {
  assert.equal(vlanRefusal(1024, 2, 50), undefined);
  assert.match(vlanRefusal(1024, 3600)!, /^there is no room in the kernel for 1024 VLANs × 3600 sets of labels; use /);
  assert.match(vlanRefusal(4094 * 4095)!, /^there is no room in the kernel for 16764930 VLANs; use --engine ring, or /);
});
