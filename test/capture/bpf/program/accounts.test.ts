import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { bpfKind, type KernelOptions } from "../../../../src/capture/bpf/bpf-engine.ts";
import { Hook } from "../../../../src/capture/bpf/program/program.ts";
import { accountRefusal } from "../../../../src/capture/bpf/zones/account-layout.ts";
import type { CustomersBy } from "../../../../src/config/customers/customers.ts";
import { parseRange } from "../../../../src/config/range-syntax.ts";
import { RangeTable } from "../../../../src/ledger/ranges.ts";
import { formatIpv4, formatIpv6 } from "../../../../src/packet/address.ts";
import { VLAN_BITS, VLAN_MASK } from "../../../../src/packet/packet.ts";
import { listOf } from "../../../customers/customers-of.ts";
import { lastOf } from "../../../customers/prefix-sets.ts";
import { plainCount, type TariffBook, TariffCounts } from "../../../ledger/accounts/books.ts";
import type { Traffic } from "../../../ledger/model.ts";
import { doubleTagged, ipv4Frame, ipv6Frame, tagged } from "../../../support/frames.ts";
import { lacking } from "../../../support/requirements.ts";
import { Twins, type TwinsOptions } from "../twins.ts";

const options = { skip: lacking("root") };

const OPTIONS: KernelOptions = {
  ranges: new RangeTable([]),
  maxAddresses: 1000,
  wireSizes: false,
  opensTunnels: false,
  zonings: [],
  isFixed: false,
};

const many = (count: number, text: (k: number) => string, name: string): [string, { customer: string }][] =>
  Array.from({ length: count }, (_, k) => [text(k), { customer: `${name}${k % 40}` }]);

const BOOK: TariffBook = {
  customers: listOf({
    "10.0.0.0/8": { customer: "ten" },
    "10.1.2.0/24": { customer: "one" },
    "2001:db8::/32": { customer: "six" },
    ...Object.fromEntries(many(300, (k) => `172.16.${k >> 7}.${(k & 127) * 2}`, "c")),
    ...Object.fromEntries(many(200, (k) => `2400:${k.toString(16)}::/48`, "d")),
  }),
  zones: listOf({
    "10.0.0.0/8": { customer: "internal" },
    "10.1.0.0/16": { customer: "cache" },
    "172.16.1.0/24": { customer: "peering" },
    "2001:db8::/33": { customer: "internal" },
    "2400::/16": { customer: "peering" },
  }),
};
const LATER: TariffBook = {
  customers: [...BOOK.customers, ...listOf({ "192.0.2.0/24": { customer: "new" } })],
  zones: listOf({ "10.1.2.0/25": { customer: "internal" }, "172.0.0.0/8": { customer: "half" } }),
};
const PROTOCOLS = [6, 17, 1, 132, 200];
/** Of the customer ten to nobody. */
const PACKET: Traffic = { version: 4, source: 0x0a00_0001n, destination: 0x0808_0808n, protocol: 17, lengthBytes: 100 };

/** Packets between all borders of a book and their neighbours. */
function packetsOf({ customers, zones }: TariffBook): Traffic[] {
  return ([4, 6] as const).flatMap((version) => {
    const own = [...customers, ...zones].filter((prefix) => prefix.version === version);
    const highest = (1n << (version === 4 ? 32n : 128n)) - 1n;
    const borders = own
      .flatMap((prefix) => [prefix.first - 1n, prefix.first, lastOf(prefix), lastOf(prefix) + 1n])
      .filter((address) => address >= 0n && address <= highest);
    return borders.map((source, k) => ({
      version,
      source,
      destination: borders[(k * 7 + 3) % borders.length]!,
      protocol: PROTOCOLS[k % PROTOCOLS.length]!,
      lengthBytes: 60 + (k % 900),
    }));
  });
}

/** VLANs → their labels. */
const VLANS: Record<number, string> = { 0: "", 7: ',vlan="7"', [(100 << VLAN_BITS) | 7]: ',vlan="100.7"' };

function frameOf({ version, source, destination, protocol, lengthBytes, vlan = 0 }: Traffic): Uint8Array {
  const text = (address: bigint): string => {
    const word = (k: number): number => Number((address >> BigInt(32 * k)) & 0xffff_ffffn);
    return version === 4 ? formatIpv4(word(0)) : formatIpv6(word(3), word(2), word(1), word(0));
  };
  const ends = { source: text(source), destination: text(destination), lengthBytes, protocol };
  const frame = version === 4 ? ipv4Frame(ends) : ipv6Frame(ends);
  const [outer, inner] = [vlan >>> VLAN_BITS, vlan & VLAN_MASK];
  const sent = vlan === 0 ? frame : outer === 0 ? tagged(frame, inner) : doubleTagged(frame, outer, inner);
  return Uint8Array.from(sent.bytes);
}

/** The same packets in several VLANs. */
function inVlans(packets: readonly Traffic[]): Traffic[] {
  const vlans = Object.keys(VLANS).map(Number);
  return packets.map((packet, k) => ({ ...packet, vlan: vlans[k % vlans.length]! }));
}

interface Further extends Pick<TwinsOptions, "wireSizes" | "vlans" | "accountTables"> {
  readonly limit?: number;
  readonly maxVlans?: number;
}

async function twinsOf(hook: Hook, by: readonly CustomersBy[], { limit = 10_000, maxVlans, ...further }: Further = {}) {
  const both = [1, 2].map(() => new TariffCounts(50, by, limit, maxVlans));
  for (const counts of both) await counts.use(BOOK);
  const left = [...both];
  const accounts = () => left.shift()!.series.accounts;
  return { both, twins: new Twins([parseRange("10.0.0.0/8/16:site=four")], { hook, accounts, ...further }) };
}

for (const hook of Object.values(Hook)) {
  describe(`a program of hook ${hook}`, () => {
    for (const by of [["zone", "protocol"], ["zone"]] as const) {
      test(`counts customers by ${by.join(" and ")} as a plain reading says, as the parser does`, options, async () => {
        const packets = packetsOf(BOOK).map((packet) => (by.length === 1 ? { ...packet, protocol: 200 } : packet));
        const { twins } = await twinsOf(hook, by);
        using _ = twins;
        for (const packet of packets) twins.see(frameOf(packet));
        const counted = twins.counted();
        assert.deepEqual(counted.accounts, plainCount(BOOK, packets));
        assert.deepEqual(counted, twins.parsed());
      });
    }

    const vlans = hook === Hook.TCX ? { limit: 10, known: [] } : undefined;
    const both = vlans === undefined ? "" : ", and addresses by VLAN";
    test(`counts customers by VLAN and all else${both}, before and after zones change`, options, async () => {
      const packets = inVlans(packetsOf(BOOK));
      const { both: counts, twins } = await twinsOf(hook, ["zone", "vlan", "protocol"], { vlans });
      using _ = twins;
      for (const packet of packets) twins.see(frameOf(packet));
      const before = plainCount(BOOK, packets, new Map(), VLANS);
      assert.deepEqual(twins.counted().accounts, before);
      assert.ok([...before.keys()].some((key) => key.includes('vlan="100.7"')));
      for (const each of counts) assert.deepEqual(await each.use(LATER), [undefined, undefined]);
      const later = inVlans(packetsOf(LATER));
      for (const packet of later) twins.see(frameOf(packet));
      const counted = twins.counted();
      assert.deepEqual(counted.accounts, plainCount(LATER, later, before, VLANS));
      assert.deepEqual(counted, twins.parsed());
    });

    test("counts customers in as many VLANs as there may be", options, async () => {
      const { twins } = await twinsOf(hook, ["vlan"], { maxVlans: 3 });
      using _ = twins;
      for (let vlan = 1; vlan <= 100; vlan++) {
        // What is no customer's takes no room from what is.
        twins.see(frameOf({ ...PACKET, source: 0x0808_0808n, destination: 0x0909_0909n, vlan: 1000 + vlan }));
        twins.see(frameOf({ ...PACKET, vlan }));
      }
      const counted = twins.counted();
      const names = [...counted.accounts.keys()];
      assert.deepEqual(
        names,
        ["1", "2", "3", "other"].flatMap((vlan) => [`customer="ten",vlan="${vlan}" TX`]),
      );
      assert.deepEqual(counted, twins.parsed());
    });

    test("gives slots of silent customers in VLANs to those that are new", options, async () => {
      let nowMs = 0;
      const accountTables = { now: () => nowMs, untilProgramsEnd: async () => {} };
      const { twins } = await twinsOf(hook, ["vlan"], { limit: 20, maxVlans: 4000, accountTables });
      using _ = twins;
      const { sizes, slots } = twins.kernelAccounts!;
      const vlans = () => Array.from({ length: slots!.used }, (__, slot) => slots!.vlanOf(slot));
      // More than there are slots: some have OTHER's.
      for (let vlan = 1; vlan <= 200; vlan++) twins.see(frameOf({ ...PACKET, vlan }));
      assert.equal(slots!.used, sizes.places);
      for (let look = 0; look < 4; look++) {
        twins.counted();
        nowMs += 10_000;
        await nextTurn();
      }
      assert.ok(!vlans().includes(3000));
      for (let vlan = 3000; vlan <= 3010; vlan++) twins.see(frameOf({ ...PACKET, vlan }));
      assert.ok(vlans().includes(3000));
      const packets = [...twins.counted().accounts.values()].reduce((sum, [count]) => sum + count!, 0);
      assert.equal(packets, 211);
    });

    test("counts customers by protocol alone", options, async () => {
      const { twins } = await twinsOf(hook, ["protocol"]);
      using _ = twins;
      for (const packet of packetsOf(BOOK)) twins.see(frameOf(packet));
      const counted = twins.counted();
      assert.ok(counted.accounts.size > 100);
      assert.deepEqual(counted, twins.parsed());
    });

    test("counts merged packets as those on the wire", options, async () => {
      const { twins } = await twinsOf(hook, ["zone", "protocol"], { wireSizes: true });
      using _ = twins;
      const packet = { version: 4, source: 0x0a00_0001n, destination: 0x0a01_0101n, protocol: 6 } as const;
      for (const gsoSize of [0, 500]) twins.see(frameOf({ ...packet, lengthBytes: 1400 }), { gsoSize });
      const counted = twins.counted();
      assert.equal(counted.accounts.size, 2);
      assert.deepEqual(counted, twins.parsed());
    });

    test("takes other zones and customers from the next packet on, and no count is lost", options, async () => {
      const packets = [...packetsOf(BOOK), ...packetsOf(LATER)];
      const { both, twins } = await twinsOf(hook, ["zone", "protocol"]);
      using _ = twins;
      for (const packet of packets) twins.see(frameOf(packet));
      for (const counts of both) assert.deepEqual(await counts.use(LATER), [undefined, undefined]);
      for (const packet of packets) twins.see(frameOf(packet));
      const expected = plainCount(LATER, packets, plainCount(BOOK, packets));
      const counted = twins.counted();
      assert.deepEqual(counted.accounts, expected);
      assert.deepEqual(counted, twins.parsed());
    });

    test("has room for many times as many customers as few", options, async () => {
      const { both, twins } = await twinsOf(hook, ["zone"]);
      using _ = twins;
      const names = Object.fromEntries(
        Array.from({ length: 900 }, (_, k) => [`172.17.${k >> 8}.${k & 255}`, { customer: `more${k}` }]),
      );
      const later = { ...BOOK, customers: listOf(names) };
      for (const counts of both) assert.deepEqual(await counts.use(later), [undefined, undefined]);
      const packets = packetsOf(later).map((packet) => ({ ...packet, protocol: 200 }));
      for (const packet of packets) twins.see(frameOf(packet));
      const counted = twins.counted();
      assert.deepEqual(counted.accounts, plainCount(later, packets));
      assert.deepEqual(counted, twins.parsed());
    });

    test("refuses more customers than it has places for, and goes on by those before", options, async () => {
      const { both, twins } = await twinsOf(hook, ["zone"]);
      using _ = twins;
      const names = Object.fromEntries(
        Array.from({ length: 2000 }, (_, k) => [`172.17.${k >> 8}.${k & 255}`, { customer: `more${k}` }]),
      );
      const refusals = await both[0]!.use({ ...BOOK, customers: listOf(names) });
      assert.match(String(refusals[1]), /^it is too large for the tables/);
      const packet = { version: 4, source: 0xac11_0001n, destination: 0x0a01_0101n, protocol: 200, lengthBytes: 90 };
      twins.see(frameOf({ ...packet, version: 4 }));
      assert.deepEqual([...twins.counted().accounts], [['customer="ten",zone="rest" RX', [1, 90]]]);
    });
  });
}

test("more accounts than the kernel has room for are refused", async () => {
  const counts = new TariffCounts(50, ["zone", "protocol"], 10_000);
  await counts.use(BOOK);
  assert.equal(accountRefusal(counts.series.accounts, 1), undefined);
  assert.match(
    String(accountRefusal(counts.series.accounts, 10_000)),
    / there is room for 838 in the kernel; use --engine ring$/,
  );
  const kind = bpfKind({ ...OPTIONS, siblings: 10_000 });
  const further = { zonings: [], accounts: counts.series.accounts };
  assert.throws(
    () => kind.roomier!(further),
    /^PromtapError: couldn't count that with engine bpf: --customers\.by has /,
  );
  assert.ok(kind.reranged!(OPTIONS.ranges, 1000));
});
