import assert from "node:assert/strict";
import { afterEach, before, describe, test } from "node:test";
import { Capture, interfacesOf } from "../../src/capture/capture.ts";
import type { FrameSink } from "../../src/capture/engine.ts";
import type { Link } from "../../src/capture/links.ts";
import { PromtapError } from "../../src/errors.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { lacking } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";
import { FakeKind } from "./fake-engine.ts";
import { deleteAll, enterPrivateNetwork, ip, ipBatch } from "./private-network.ts";

function link(name: string, fields: Partial<Link> = {}): Link {
  return {
    name,
    index: 1,
    isUp: true,
    isLoopback: false,
    isEthernet: true,
    kind: "",
    masterIndex: 0,
    lowerIndex: 0,
    ...fields,
  };
}

const LINKS = [
  link("lo", { isLoopback: true }),
  link("eth0"),
  link("eth1", { isUp: false }),
  link("wg0", { isEthernet: false }),
  link("veth.1"),
];

describe("the interfaces that patterns name", () => {
  const expectations: [patterns: string[], names: string[]][] = [
    [["auto"], ["eth0", "wg0", "veth.1"]],
    [["eth0"], ["eth0"]],
    [["eth1"], ["eth1"]],
    [["lo"], ["lo"]],
    [
      ["auto", "lo"],
      ["lo", "eth0", "wg0", "veth.1"],
    ],
    [["eth*"], ["eth0", "eth1"]],
    [["*"], ["lo", "eth0", "eth1", "wg0", "veth.1"]],
    [["eth?"], ["eth0", "eth1"]],
    [["eth[1-9]"], ["eth1"]],
    [["veth.*"], ["veth.1"]],
    [
      ["wg0", "eth*", "eth0"],
      ["eth0", "eth1", "wg0"],
    ],
    [["docker*"], []],
  ];
  for (const [patterns, names] of expectations) {
    test(`${patterns.join(", ")}: ${names.join(", ") || "none yet"}`, () => {
      assert.deepEqual(
        interfacesOf(patterns, LINKS).map(({ name }) => name),
        names,
      );
    });
  }

  test("a name that no interface has is an error that lists those there are", () => {
    assert.throws(() => interfacesOf(["eth0", "eth7"], LINKS), {
      name: "PromtapError",
      code: "HOST",
      message: "couldn't open eth7: no such interface; this host has lo, eth0, eth1, wg0, veth.1",
    });
  });
});

/** A capture through fake engines, and what it tells. */
class Rig implements AsyncDisposable {
  readonly kind: FakeKind;
  readonly ledger = new Ledger(new RangeTable([]), 0, 0);
  readonly told: [name: string, isOpen: boolean, error: string | undefined][] = [];
  readonly capture: Capture<FrameSink>;
  /** What the capture takes for the time. */
  nowMs = 5000;

  constructor(patterns: string[], kind = new FakeKind()) {
    this.kind = kind;
    const now = () => this.nowMs;
    this.capture = new Capture(kind, patterns, this.ledger, (...event) => this.told.push(event), now);
  }

  /** Resolves when these interfaces, and no others, are captured and up. */
  async captures(...names: string[]): Promise<void> {
    const goal = names.toSorted().join();
    await until(`${goal || "nothing"} is captured`, () => {
      const up = this.capture.taps().filter(({ isUp }) => isUp);
      return (
        up
          .map(({ name }) => name)
          .toSorted()
          .join() === goal
      );
    });
  }

  /** All interfaces that the page shows. */
  names(): string[] {
    return this.capture.taps().map(({ name }) => name);
  }

  /** The losses that the page shows of an interface. */
  lost(name: string): number {
    return this.capture.taps().find((tap) => tap.name === name)!.lostPackets;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.capture[Symbol.asyncDispose]();
  }
}

function addUp(...names: string[]): void {
  ipBatch(names.flatMap((name) => [`link add ${name} type bridge`, `link set ${name} up`]));
}

describe("capture", { skip: lacking("root", "ip") }, () => {
  before(enterPrivateNetwork);
  afterEach(deleteAll);

  test("opens all that is up at the start, and closes it at the end", async () => {
    addUp("br1", "br2");
    ip("link add br3 type bridge");
    const rig = new Rig(["auto"]);
    assert.deepEqual(rig.kind.openNames(), ["br1", "br2"]);
    assert.deepEqual(rig.told, [
      ["br1", true, undefined],
      ["br2", true, undefined],
    ]);
    rig.capture.sync();
    assert.deepEqual(
      rig.kind.engines.map(({ syncs }) => syncs),
      [1, 1],
    );
    await rig[Symbol.asyncDispose]();
    assert.deepEqual(rig.kind.openNames(), []);
  });

  test("counts each interface in the ledger of its name", async () => {
    addUp("br1");
    await using rig = new Rig(["br1"]);
    assert.equal(rig.kind.engines[0]!.sink, rig.ledger.interface("br1"));
  });

  test("picks up what comes later and matches, and nothing else", async () => {
    addUp("br1");
    await using rig = new Rig(["br*"]);
    addUp("other1", "br2");
    await rig.captures("br1", "br2");
    assert.deepEqual(
      rig.capture.taps().map(({ name }) => name),
      ["br1", "br2"],
    );
  });

  test("lets those interfaces share the memory that are there, and not those that went", async () => {
    addUp("br1", "br2");
    await using rig = new Rig(["br*"]);
    assert.deepEqual(rig.kind.siblings, [2, 2]);
    ip("link delete br1");
    addUp("br3");
    await rig.captures("br2", "br3");
    addUp("br4");
    await rig.captures("br2", "br3", "br4");
    assert.deepEqual(rig.kind.siblings, [2, 2, 2, 3]);
  });

  test("leaves loopback to those who name it", async () => {
    await using rig = new Rig(["auto"]);
    ip("link set lo up");
    addUp("br1");
    await rig.captures("br1");
    ip("link set lo down");
    assert.deepEqual(
      rig.kind.engines.map((engine) => engine.link.name),
      ["br1"],
    );
  });

  test("waits for a named interface that is down", async () => {
    ip("link add br1 type bridge");
    await using rig = new Rig(["br1"]);
    assert.deepEqual(rig.capture.taps(), [{ name: "br1", isUp: false, lostPackets: 0 }]);
    ip("link set br1 up");
    await rig.captures("br1");
  });

  test("keeps an engine that survives while its interface is down", async () => {
    addUp("br1");
    await using rig = new Rig(["br1"], new FakeKind(true));
    ip("link set br1 down");
    await rig.captures();
    ip("link set br1 up");
    await rig.captures("br1");
    assert.equal(rig.kind.engines.length, 1);
    assert.equal(rig.kind.engines[0]!.isClosed, false);
  });

  test("opens another engine after the interface was down where the first does not survive it", async () => {
    addUp("br1");
    await using rig = new Rig(["br1"], new FakeKind(false));
    ip("link set br1 down");
    await rig.captures();
    await until("the engine is closed", () => rig.kind.engines[0]!.isClosed);
    ip("link set br1 up");
    await rig.captures("br1");
    assert.equal(rig.kind.engines.length, 2);
    assert.deepEqual(rig.told, [
      ["br1", true, undefined],
      ["br1", false, undefined],
      ["br1", true, undefined],
    ]);
  });

  for (const survivesDown of [true, false]) {
    test(`goes on when an interface is made again, ${survivesDown ? "" : "not "}surviving down`, async () => {
      addUp("br1");
      await using rig = new Rig(["br1"], new FakeKind(survivesDown));
      ip("link delete br1");
      await rig.captures();
      assert.deepEqual(
        rig.capture.taps().map(({ name }) => name),
        ["br1"],
      );
      addUp("br1");
      await rig.captures("br1");
      const [first, second] = rig.kind.engines;
      assert.equal(rig.kind.engines.length, 2);
      assert.notEqual(second!.link.index, first!.link.index);
      assert.equal(second!.sink, first!.sink);
    });
  }

  test("goes on when an interface is made again before anyone looks", async () => {
    addUp("br1");
    await using rig = new Rig(["br1"]);
    ipBatch(["link delete br1", "link add br1 type bridge", "link set br1 up"]);
    await until("the first engine is closed", () => rig.kind.engines[0]!.isClosed);
    await rig.captures("br1");
    assert.equal(rig.kind.engines.length, 2);
  });

  test("follows an interface to a new name that matches", async () => {
    addUp("br1");
    await using rig = new Rig(["br*"]);
    ipBatch(["link set br1 down", "link set br1 name br2", "link set br2 up"]);
    await rig.captures("br2");
    assert.deepEqual(
      rig.capture.taps().map(({ name, isUp }) => [name, isUp]),
      [
        ["br1", false],
        ["br2", true],
      ],
    );
    await until("the engine of the old name is closed", () => rig.kind.engines[0]!.isClosed);
  });

  test("tells of losses that never step back, whatever becomes of the engines", async () => {
    addUp("br1");
    await using rig = new Rig(["br1"], new FakeKind(false));
    const seen: number[] = [];
    for (let round = 0; round < 3; round++) {
      const engine = rig.kind.engines[round]!;
      engine.lost = 10;
      engine.lostAtEnd = 5;
      seen.push(rig.lost("br1"));
      ip("link set br1 down");
      await rig.captures();
      seen.push(rig.lost("br1"));
      await until("the last losses are known", () => rig.lost("br1") === 15 * (round + 1));
      ip("link set br1 up");
      await rig.captures("br1");
      seen.push(rig.lost("br1"));
    }
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(rig.lost("br1"), 45);
  });

  test("tries again what could not be opened, and tells of the failure once", { timeout: 30_000 }, async () => {
    const kind = new FakeKind();
    kind.broken.set("br1", "out of memory");
    addUp("br1", "br2");
    await using rig = new Rig(["auto"], kind);
    assert.deepEqual(kind.openNames(), ["br2"]);
    await until("it is tried again", () => kind.failures >= 2);
    kind.broken.clear();
    await rig.captures("br1", "br2");
    assert.deepEqual(rig.told, [
      ["br1", false, "out of memory"],
      ["br2", true, undefined],
      ["br1", true, undefined],
    ]);
  });

  test("tries no more to open what has gone", async () => {
    const kind = new FakeKind();
    kind.broken.set("br1", "out of memory");
    addUp("br1");
    await using rig = new Rig(["auto"], kind);
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const before = timers();
    ip("link delete br1");
    addUp("br2");
    await rig.captures("br2");
    assert.ok(timers() < before);
    assert.equal(kind.failures, 1);
  });

  test("does not start where a named interface is not there, or cannot be opened", async () => {
    addUp("br1", "br2");
    assert.throws(() => new Rig(["br1", "br7"]), PromtapError);
    const kind = new FakeKind();
    kind.broken.set("br2", "no filter fits");
    assert.throws(() => new Rig(["br1", "br2"], kind), /no filter fits/);
    await until("what was open is closed", () => kind.engines.length === 1 && kind.openNames().length === 0);
    assert.ok(!process.getActiveResourcesInfo().includes("Timeout"), "it is tried again");
  });

  test("forgets what only a pattern names ten minutes after it went, at a scrape", async () => {
    addUp("br1", "br2", "br3");
    await using rig = new Rig(["br*", "br2"]);
    ipBatch(["link delete br1", "link delete br2"]);
    await rig.captures("br3");
    rig.nowMs += 10 * 60_000 - 1;
    rig.capture.sync();
    assert.deepEqual([rig.names(), rig.kind.forgotten], [["br1", "br2", "br3"], []]);
    rig.nowMs += 1;
    rig.capture.sync();
    assert.deepEqual([rig.names(), rig.kind.forgotten], [["br2", "br3"], ["br1"]]);
    assert.deepEqual(
      rig.ledger.interfaces().map(({ name }) => name),
      ["br2", "br3"],
    );
    addUp("br1");
    await rig.captures("br1", "br3");
  });

  test("forgets it when another interface comes, too", async () => {
    addUp("br1");
    await using rig = new Rig(["auto"]);
    ip("link delete br1");
    await rig.captures();
    rig.nowMs += 10 * 60_000;
    addUp("br2");
    await rig.captures("br2");
    assert.deepEqual(rig.names(), ["br2"]);
  });

  test("forgets nothing of an interface that came back, or is down", async () => {
    addUp("br1", "br2");
    await using rig = new Rig(["auto"], new FakeKind(false));
    rig.kind.engines[0]!.lost = 7;
    ipBatch(["link delete br1", "link set br2 down"]);
    await rig.captures();
    rig.nowMs += 9 * 60_000;
    addUp("br1");
    await rig.captures("br1");
    rig.nowMs += 9 * 60_000;
    rig.capture.sync();
    assert.deepEqual(rig.names(), ["br1", "br2"]);
    assert.equal(rig.lost("br1"), 7);
    ip("link delete br1");
    await rig.captures();
    rig.nowMs += 9 * 60_000;
    rig.capture.sync();
    assert.deepEqual([rig.names(), rig.kind.forgotten], [["br1", "br2"], []]);
  });

  test("finds its interfaces again after more changes than the kernel keeps", async () => {
    addUp("br1", "br2");
    await using rig = new Rig(["br*"]);
    const storm = Array.from({ length: 2000 }, (_, count) => `link set lo ${count % 2 === 0 ? "up" : "down"}`);
    ipBatch([...storm, "link delete br1", "link add br1 type bridge", "link set br1 up", "link delete br2"]);
    addUp("br3");
    await rig.captures("br1", "br3");
    await until("engines on links that went are closed", () => rig.kind.openNames().toSorted().join() === "br1,br3");
    assert.equal(rig.kind.engines[0]!.isClosed, true);
  });
});
