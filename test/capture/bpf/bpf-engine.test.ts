import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { existsSync } from "node:fs";
import { before, describe, test } from "node:test";
import { bpfKind, type KernelOptions, tcxKind } from "../../../src/capture/bpf/bpf-engine.ts";
import type { EngineKind } from "../../../src/capture/engine.ts";
import type { Link } from "../../../src/capture/links.ts";
import { openPacketSocket, packetAddress } from "../../../src/capture/packet-socket.ts";
import { BUCKETS, SLOT_DOUBLES } from "../../../src/ledger/histogram.ts";
import type { InterfaceLedger } from "../../../src/ledger/interface-ledger.ts";
import { Ledger } from "../../../src/ledger/ledger.ts";
import { RangeTable } from "../../../src/ledger/ranges.ts";
import * as libc from "../../../src/native/libc.ts";
import { ROW_CELLS } from "../../../src/ledger/rows.ts";
import { Verdict } from "../../../src/packet/packet.ts";
import { parseRange } from "../../../src/config/range-syntax.ts";
import { hex, IPV4, IPV6, MACS } from "../../packet/frames.ts";
import { lacking } from "../../support/requirements.ts";
import { enterPrivateNetwork, findLink, ip } from "../private-network.ts";
import { TunInterface } from "../ring/tun-interface.ts";

/** Containers often lack it. */
const lackingTun = existsSync("/dev/net/tun") || process.env["CI"] ? false : "needs /dev/net/tun";
const IPV4_TCP_BYTES = 40;
const TCP = "9c40 0009 00000001 00000001 50 10 ffff 0000 0000";
const SEGMENT_BYTES = 1000;
const TCPV4_MERGED = { gsoType: 1, gsoSize: SEGMENT_BYTES, checksumStart: 20, checksumOffset: 16 };

const KINDS: [name: string, kind: (options: KernelOptions) => EngineKind][] = [
  ["bpf", bpfKind],
  ["tcx", tcxKind],
];

const RANGES = ["10.1.2.0/24", "127.0.0.1", "2001:db8::/64"];
const RANGE_TABLE = new RangeTable(RANGES.map(parseRange));
/** More than net.core.optmem_max lets a socket have in its filter; 10.1.2.0/30 among them. */
const THOUSANDS = Array.from({ length: 4000 }, (_, index) => `10.${index >> 8}.${index & 0xff}.0/30`);

/** Packets of an interface, and of all its addresses. */
function packetsOf({ slots, rows }: InterfaceLedger): [all: number, ofAddresses: number] {
  const packets = (slot: number) =>
    slots.counters.subarray(slot * SLOT_DOUBLES, slot * SLOT_DOUBLES + BUCKETS).reduce((sum, count) => sum + count, 0);
  let ofAddresses = 0;
  for (let row = 0; row < rows.count; row++) {
    for (let cell = 0; cell < ROW_CELLS; cell++) {
      const slot = rows.slotOf(row, cell);
      if (slot > 0) ofAddresses += packets(slot);
    }
  }
  return [packets(0), ofAddresses];
}

/** An engine kind and the ledger that its engines count into. */
class Counter {
  readonly kind: EngineKind;
  readonly ledger: InterfaceLedger;

  constructor(make: (options: KernelOptions) => EngineKind, wireSizes = false, list: readonly string[] = RANGES) {
    const ranges = new RangeTable(list.map(parseRange));
    this.kind = make({ ranges, maxAddresses: 1000, wireSizes, opensTunnels: false, zonings: [], isFixed: true });
    this.ledger = new Ledger(ranges, 1000).interface("any");
  }

  /** Counts what happens on an interface meanwhile. */
  async during(name: string, happens: () => void | Promise<void>): Promise<void> {
    const engine = await this.kind.open(findLink(name), this.ledger, 1);
    await happens();
    await engine[Symbol.asyncDispose]();
    assert.deepEqual(engine.losses(), { packets: 0 });
  }

  /** Packets and bytes of all frames, or of the address in row `row`. */
  all(): [packets: number, bytes: number] {
    return this.#slot(0);
  }

  /** Packets and bytes that an address has sent, by its last word. */
  sent(lastWord: number): [packets: number, bytes: number] {
    const { rows } = this.ledger;
    let sum: [number, number] = [0, 0];
    for (let row = 0; row < rows.count; row++) {
      const words = [0, 1, 2, 3].map((k) => rows.addressWord(row, k));
      if (words.findLast((word) => word > 0) !== lastWord) continue;
      for (let cell = 0; cell < 12; cell++) {
        const slot = rows.slotOf(row, cell);
        const [packets, bytes] = slot > 0 ? this.#slot(slot) : [0, 0];
        sum = [sum[0] + packets, sum[1] + bytes];
      }
    }
    return sum;
  }

  #slot(slot: number): [packets: number, bytes: number] {
    const counters = this.ledger.slots.counters.subarray(slot * SLOT_DOUBLES, (slot + 1) * SLOT_DOUBLES);
    return [counters.subarray(0, BUCKETS).reduce((sum, count) => sum + count), counters[BUCKETS]!];
  }
}

const ADDRESS4 = 0x0a010203;
const ADDRESS6 = 1;
const LOCALHOST = 0x7f000001;

for (const [name, make] of KINDS) {
  describe(`the ${name} engine`, { skip: lacking("root", "ip") }, () => {
    before(() => {
      enterPrivateNetwork();
      ip("link set lo up");
    });

    test("works on this host", async () => {
      assert.equal(await new Counter(make).kind.probe(), undefined);
    });

    test("counts each packet on loopback once, with its length", async () => {
      const counter = new Counter(make);
      await counter.during("lo", async () => {
        const socket = createSocket("udp4");
        // To a socket of its own, so that nothing answers that its port is closed.
        await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
        for (const size of [0, 100, 65_000]) {
          await new Promise((resolve) =>
            socket.send(new Uint8Array(size), socket.address().port, "127.0.0.1", resolve),
          );
        }
        await new Promise<void>((resolve) => socket.close(resolve));
      });
      assert.deepEqual(counter.all(), [3, 65_100 + 3 * 28]);
      assert.deepEqual(counter.sent(LOCALHOST), [3, 65_100 + 3 * 28]);
    });

    test("counts into another ledger from then on, and keeps what comes while it has none", async () => {
      using tun = new TunInterface("tun1");
      const kind = make({
        ranges: RANGE_TABLE,
        maxAddresses: 1000,
        wireSizes: false,
        opensTunnels: false,
        zonings: [],
        isFixed: true,
      });
      const ledgers = new Ledger(RANGE_TABLE, 1000);
      const [first, second, third] = [ledgers.interface("a"), ledgers.interface("b"), ledgers.interface("c")];
      const engine = await kind.open(findLink("tun1"), first, 1);
      tun.receive(hex(IPV4));
      engine.retarget(undefined);
      tun.receive(hex(IPV4));
      engine.sync();
      engine.retarget(second);
      tun.receive(hex(IPV6));
      engine.retarget(third);
      engine.retarget(undefined);
      tun.receive(hex(IPV4));
      await engine[Symbol.asyncDispose]();
      // The same tables, of which what came without a ledger is nobody's.
      await (await kind.open(findLink("tun1"), third, 1))[Symbol.asyncDispose]();
      const packets = [first, second, third].map(packetsOf);
      assert.deepEqual(packets, [
        [1, 1],
        [2, 2],
        [0, 0],
      ]);
    });

    test("counts packets of an interface without a link header", { skip: lackingTun }, async () => {
      using tun = new TunInterface("tun1");
      assert.equal(findLink("tun1").isEthernet, false);
      const counter = new Counter(make);
      await counter.during("tun1", () => {
        tun.receive(hex(IPV4));
        tun.receive(Uint8Array.from([...hex(IPV4), ...new Uint8Array(1000)]));
        tun.receive(hex(IPV6));
        tun.receive(hex(IPV4).subarray(0, 19));
        tun.receive(hex(`44 ${IPV4.slice(3)}`));
      });
      assert.deepEqual(counter.sent(ADDRESS4), [2, 1040]);
      assert.deepEqual(counter.sent(ADDRESS6), [1, 40]);
      assert.deepEqual(counter.all(), [5, 1040 + 40 + 19 + 20]);
      assert.equal(counter.ledger.verdicts[Verdict.TRUNCATED], 1);
      assert.equal(counter.ledger.verdicts[Verdict.MALFORMED], 1);
    });

    test("counts frames of an Ethernet interface", { skip: lackingTun }, async () => {
      using tap = new TunInterface("tap1", "tap");
      assert.equal(findLink("tap1").isEthernet, true);
      const counter = new Counter(make);
      await counter.during("tap1", () => {
        tap.receive(hex(`${MACS} 0800 ${IPV4}`));
        tap.receive(hex(`${MACS} 8100 0007 86dd ${IPV6}`));
        tap.receive(hex(`${MACS} 88a8 0064 8100 0007 0800 ${IPV4}`));
        tap.receive(hex(`${MACS} 0806 ${"00".repeat(28)}`));
      });
      assert.deepEqual(counter.sent(ADDRESS4), [2, 40]);
      assert.deepEqual(counter.sent(ADDRESS6), [1, 40]);
      assert.deepEqual(counter.all(), [4, 20 + 40 + 20 + 28]);
    });

    test("takes no sender's word for what a frame carries", { skip: lackingTun }, async () => {
      using _tap = new TunInterface("tap1", "tap");
      const counter = new Counter(make);
      const socket = openPacketSocket("tap1", true);
      const address = packetAddress(findLink("tap1").index);
      // The protocol that the kernel is told of all that is sent: IPv4.
      new DataView(address.buffer).setUint16(2, 0x0800);
      assert.equal(libc.bind(socket, address), 0);
      await counter.during("tap1", () => {
        for (const frame of [`${MACS} 0800 ${IPV4}`, `${MACS} 88b5 ${IPV4}`, `${MACS} 8100 0007 0800 ${IPV4}`]) {
          assert.equal(libc.send(socket, hex(frame)), hex(frame).length);
        }
      });
      libc.close(socket);
      assert.deepEqual(counter.sent(ADDRESS4), [2, 40]);
      assert.deepEqual(counter.all(), [3, 60]);
    });

    const merged = hex(`${IPV4.replace("40 11", "40 06")} ${TCP} ${"00".repeat(2 * SEGMENT_BYTES + 1)}`);

    test("counts a merged packet as one, and tells it", { skip: lackingTun }, async () => {
      using tun = new TunInterface("tun1");
      const counter = new Counter(make);
      await counter.during("tun1", () => tun.receive(merged, TCPV4_MERGED));
      assert.deepEqual(counter.sent(ADDRESS4), [1, IPV4_TCP_BYTES + 2001]);
      assert.equal(counter.ledger.aggregatedPackets, 1);
    });

    test("counts a merged packet as those on the wire if asked to", { skip: lackingTun }, async () => {
      using tun = new TunInterface("tun1");
      const counter = new Counter(make, true);
      await counter.during("tun1", () => tun.receive(merged, TCPV4_MERGED));
      assert.deepEqual(counter.sent(ADDRESS4), [3, 3 * IPV4_TCP_BYTES + 2001]);
      assert.equal(counter.ledger.aggregatedPackets, 1);
    });

    test("adds up over interfaces of one name, also of another kind", { skip: lackingTun }, async () => {
      const counter = new Counter(make);
      for (const kind of ["tun", "tun", "tap", "tun"] as const) {
        using tun = new TunInterface("twin0", kind);
        const frame = kind === "tun" ? hex(IPV4) : hex(`${MACS} 0800 ${IPV4}`);
        await counter.during("twin0", () => tun.receive(frame));
      }
      assert.deepEqual(counter.sent(ADDRESS4), [4, 80]);
    });

    test("counts nothing before it is opened and after it is closed", { skip: lackingTun }, async () => {
      using tun = new TunInterface("tun1");
      const counter = new Counter(make);
      tun.receive(hex(IPV4));
      await counter.during("tun1", () => {});
      tun.receive(hex(IPV4));
      await counter.during("tun1", () => {});
      assert.deepEqual(counter.all(), [0, 0]);
    });

    test("counts by thousands of ranges", { skip: lackingTun }, async () => {
      using tun = new TunInterface("tun1");
      const counter = new Counter(make, false, THOUSANDS);
      assert.equal(await counter.kind.probe(), undefined);
      await counter.during("tun1", () => tun.receive(hex(IPV4)));
      assert.deepEqual(counter.sent(ADDRESS4), [1, 20]);
    });

    test("says which interface it could not open, and why", async () => {
      const gone: Link = {
        name: "gone0",
        altNames: [],
        index: 9999,
        isUp: true,
        isLoopback: false,
        hardwareType: 1,
        isEthernet: true,
        kind: "",
        masterIndex: 0,
        lowerIndex: 0,
      };
      const counter = new Counter(make);
      await assert.rejects(counter.kind.open(gone, counter.ledger, 1), {
        name: "PromtapError",
        code: "HOST",
        message: /gone0: .*no such device/,
      });
    });
  });
}
