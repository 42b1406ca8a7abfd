import assert from "node:assert/strict";
import { afterEach, before, describe, test } from "node:test";
import { Capture, type CaptureListener } from "../../src/capture/capture.ts";
import type { FrameSink } from "../../src/capture/engine.ts";
import { PromtapError } from "../../src/errors.ts";
import { Ledger } from "../../src/ledger/ledger.ts";
import { RangeTable } from "../../src/ledger/ranges.ts";
import { lacking } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";
import { FakeKind } from "./fake-engine.ts";
import { deleteAll, enterPrivateNetwork, ip, ipBatch } from "./private-network.ts";

/** Where a bridge without ports stands. */
const ALONE = { kind: "bridge", master: "", lower: "", isEdge: true };

/** A capture through fake engines, and what it tells. */
class Rig implements AsyncDisposable {
  readonly kind: FakeKind;
  readonly ledger = new Ledger(new RangeTable([]), 0);
  /** What was told, and in the end why. */
  readonly told: string[][] = [];
  readonly #listener: CaptureListener = {
    idle: (patterns) => this.told.push(["idle", ...patterns]),
    opened: (name) => this.told.push(["opened", name]),
    closed: (name) => this.told.push(["closed", name]),
    renamed: (before, name) => this.told.push(["renamed", before, name]),
    failed: (names, reason) => this.told.push(["failed", ...names, reason]),
    overlapped: (names) => this.told.push(["overlapped", ...names]),
  };
  capture!: Capture<FrameSink>;
  /** What the capture takes for the time. */
  nowMs = 5000;

  private constructor(kind: FakeKind) {
    this.kind = kind;
  }

  /** Starts to capture, and has tried all that is there. */
  static async start(patterns: string[], kind = new FakeKind()): Promise<Rig> {
    const rig = new Rig(kind);
    rig.capture = await Capture.start(kind, patterns, rig.ledger, rig.#listener, () => rig.nowMs);
    await rig.capture.started();
    return rig;
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
    const rig = await Rig.start(["auto"]);
    assert.deepEqual(rig.kind.openNames(), ["br1", "br2"]);
    assert.deepEqual(rig.told, [
      ["opened", "br1"],
      ["opened", "br2"],
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
    await using rig = await Rig.start(["br1"]);
    assert.equal(rig.kind.engines[0]!.sink, rig.ledger.interface("br1"));
  });

  test("picks up what comes later and matches, and nothing else", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br*"]);
    addUp("other1", "br2");
    await rig.captures("br1", "br2");
    assert.deepEqual(
      rig.capture.taps().map(({ name }) => name),
      ["br1", "br2"],
    );
  });

  test("lets those interfaces share the memory that are there, and not those that went", async () => {
    addUp("br1", "br2");
    await using rig = await Rig.start(["br*"]);
    assert.deepEqual(rig.kind.siblings, [2, 2]);
    ip("link delete br1");
    addUp("br3");
    await rig.captures("br2", "br3");
    addUp("br4");
    await rig.captures("br2", "br3", "br4");
    assert.deepEqual(rig.kind.siblings, [2, 2, 2, 3]);
  });

  test("auto captures the edge of the host, as it is now, and tells once of what shows packets again", async () => {
    ipBatch(["link add br1 type bridge", "link add veth1 type veth peer name eth1"]);
    ipBatch(["veth1", "eth1"].map((name) => `link set ${name} master br1 up`));
    ip("link set br1 up");
    await using rig = await Rig.start(["auto"]);
    assert.deepEqual(rig.kind.openNames(), ["eth1"]);
    await using all = await Rig.start(["*1"]);
    assert.deepEqual(
      all.told.filter(([what]) => what === "overlapped"),
      [["overlapped", "br1", "veth1"]],
    );
    assert.deepEqual(all.capture.taps().find(({ name }) => name === "veth1")?.position, {
      kind: "veth",
      master: "br1",
      lower: "",
      isEdge: false,
    });
    ip("link set veth1 nomaster");
    await rig.captures("eth1", "veth1");
  });

  test("leaves loopback to patterns that name it", async () => {
    await using rig = await Rig.start(["auto"]);
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
    await using rig = await Rig.start(["br1"]);
    assert.deepEqual(rig.capture.taps(), [{ name: "br1", isUp: false, lostPackets: 0, position: ALONE }]);
    ip("link set br1 up");
    await rig.captures("br1");
  });

  test("keeps an engine while its interface is down", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br1"], new FakeKind());
    ip("link set br1 down");
    await rig.captures();
    ip("link set br1 up");
    await rig.captures("br1");
    assert.equal(rig.kind.engines.length, 1);
    assert.equal(rig.kind.engines[0]!.isClosed, false);
  });

  test("goes on when an interface is made again", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br1"], new FakeKind());
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

  test("goes on when an interface is made again before anyone looks", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br1"]);
    ipBatch(["link delete br1", "link add br1 type bridge", "link set br1 up"]);
    await until("the first engine is closed", () => rig.kind.engines[0]!.isClosed);
    await rig.captures("br1");
    assert.equal(rig.kind.engines.length, 2);
  });

  test("captures what other patterns name, keeps what both do, and tells what it left once more", async () => {
    addUp("br1", "br2", "br3");
    await using rig = await Rig.start(["br1", "br2"], new FakeKind());
    const [, second] = rig.kind.engines;
    rig.capture.want(["br[23]", "none*"]);
    await rig.captures("br2", "br3");
    assert.equal(rig.kind.engines.length, 3);
    assert.deepEqual(second!.sinks, [rig.ledger.interface("br2")]);
    assert.deepEqual(rig.told, [
      ["opened", "br1"],
      ["opened", "br2"],
      ["idle", "none*"],
      ["opened", "br3"],
    ]);
    assert.deepEqual(rig.names(), ["br1", "br2", "br3"]);
    rig.capture.sync();
    assert.deepEqual(rig.names(), ["br1", "br2", "br3"]);
    rig.capture.sync();
    assert.deepEqual(rig.names(), ["br2", "br3"]);
    rig.nowMs += 1000;
    await until("the engine is given up", () => rig.kind.engines[0]!.isClosed);
  });

  test("refuses to want what is not there, but not what was once", async () => {
    addUp("br1", "br2");
    await using rig = await Rig.start(["br1"]);
    assert.throws(() => rig.capture.want(["br2", "br3"]), /couldn't open br3: no such interface; this host has /);
    await rig.captures("br1");
    ip("link delete br1");
    await rig.captures();
    rig.capture.want(["br1", "br2"]);
    await rig.captures("br2");
    rig.capture.sync();
    rig.capture.sync();
    assert.deepEqual(rig.names(), ["br1", "br2"]);
  });

  test("keeps the engine of an interface that is renamed", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br*"], new FakeKind());
    const [engine] = rig.kind.engines;
    engine!.lost = 3;
    ip("link set br1 name br2");
    await rig.captures("br2");
    engine!.lost = 5;
    assert.deepEqual(rig.capture.taps(), [
      { name: "br1", isUp: false, lostPackets: 3, position: undefined },
      { name: "br2", isUp: true, lostPackets: 2, position: ALONE },
    ]);
    const ledgers = ["br1", "br2"].map((name) => rig.ledger.interface(name));
    assert.deepEqual(engine!.sinks, [ledgers[0], undefined, ledgers[1]]);
    assert.deepEqual([rig.kind.engines.length, engine!.isClosed], [1, false]);
    assert.deepEqual(rig.told, [
      ["opened", "br1"],
      ["renamed", "br1", "br2"],
    ]);
  });

  test("tells nothing of an interface that has its name again before its engine is given up", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br*"], new FakeKind());
    ip("link set br1 name other");
    await rig.captures();
    ip("link set other name br1");
    await rig.captures("br1");
    assert.deepEqual(rig.told, [["opened", "br1"]]);
  });

  test("lets engines change places when their interfaces change names, by a name that no pattern has", async () => {
    addUp("br1", "br2");
    await using rig = await Rig.start(["br*"]);
    const [first, second] = rig.kind.engines;
    ip("link set br1 name other");
    await rig.captures("br2");
    ipBatch(["link set br2 name br1", "link set other name br2"]);
    await until("the names have changed", () => rig.told.length === 4);
    assert.deepEqual([first!.sink, second!.sink], [rig.ledger.interface("br2"), rig.ledger.interface("br1")]);
    assert.deepEqual(rig.kind.openNames(), ["br1", "br2"]);
    assert.equal(rig.kind.engines.length, 2);
  });

  test("gives up an interface that keeps a name that no pattern has, and takes the next of its name", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br1"]);
    ip("link set br1 name other");
    addUp("br1");
    await rig.captures("br1");
    await until("the second engine is open", () => rig.kind.engines.length === 2);
    const [first, second] = rig.kind.engines;
    assert.deepEqual([first!.sink, second!.sink], [undefined, rig.ledger.interface("br1")]);
    rig.nowMs += 1000;
    await until("the first engine is closed", () => first!.isClosed);
    assert.equal(second!.isClosed, false);
  });

  test("tells of losses that never step back, whatever becomes of the engines", async () => {
    await using rig = await Rig.start(["br*"], new FakeKind());
    const seen: number[] = [];
    for (let round = 0; round < 3; round++) {
      addUp("br1");
      await rig.captures("br1");
      seen.push(rig.lost("br1"));
      const engine = rig.kind.engines[round]!;
      engine.lost = 10;
      engine.lostAtEnd = 5;
      seen.push(rig.lost("br1"));
      ip("link delete br1");
      await rig.captures();
      seen.push(rig.lost("br1"));
      await until("the last losses are known", () => rig.lost("br1") === 15 * (round + 1));
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
    await using rig = await Rig.start(["auto"], kind);
    assert.deepEqual(kind.openNames(), ["br2"]);
    await until("it is tried again", () => kind.failures >= 2);
    kind.broken.clear();
    await rig.captures("br1", "br2");
    assert.deepEqual(rig.told, [
      ["opened", "br2"],
      ["failed", "br1", "out of memory"],
      ["opened", "br1"],
    ]);
  });

  test("tries no more to open what has gone", async () => {
    const kind = new FakeKind();
    kind.broken.set("br1", "out of memory");
    addUp("br1");
    await using rig = await Rig.start(["auto"], kind);
    const timers = () => process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const before = timers();
    ip("link delete br1");
    addUp("br2");
    await rig.captures("br2");
    assert.ok(timers() < before);
    assert.equal(kind.failures, 1);
  });

  test("does not start if a named interface is not there, or cannot be opened", async () => {
    addUp("br1", "br2");
    await assert.rejects(Rig.start(["br1", "br7"]), PromtapError);
    const kind = new FakeKind();
    kind.broken.set("br2", "no filter fits");
    await assert.rejects(Rig.start(["br1", "br2"], kind), /no filter fits/);
    await until("what was open is closed", () => kind.engines.length === 1 && kind.openNames().length === 0);
    assert.ok(!process.getActiveResourcesInfo().includes("Timeout"), "it is tried again");
  });

  test("forgets what only a pattern names ten minutes after it went, at a scrape", async () => {
    addUp("br1", "br2", "br3");
    await using rig = await Rig.start(["br*", "br2"]);
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
    await using rig = await Rig.start(["auto"]);
    ip("link delete br1");
    await rig.captures();
    rig.nowMs += 10 * 60_000;
    addUp("br2");
    await rig.captures("br2");
    assert.deepEqual(rig.names(), ["br2"]);
  });

  test("forgets nothing of an interface that came back, or is down", async () => {
    addUp("br1", "br2");
    await using rig = await Rig.start(["auto"], new FakeKind());
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
    await using rig = await Rig.start(["br*"]);
    const storm = Array.from({ length: 2000 }, (_, count) => `link set lo ${count % 2 === 0 ? "up" : "down"}`);
    ipBatch([...storm, "link delete br1", "link add br1 type bridge", "link set br1 up", "link delete br2"]);
    addUp("br3");
    await rig.captures("br1", "br3");
    await until("engines on links that went are closed", () => rig.kind.openNames().toSorted().join() === "br1,br3");
    assert.equal(rig.kind.engines[0]!.isClosed, true);
  });

  test("has what is being closed count its last packets by other rules, if those come meanwhile", async () => {
    addUp("br1");
    await using rig = await Rig.start(["br*"]);
    const [engine] = rig.kind.engines;
    const { promise, resolve } = Promise.withResolvers<void>();
    rig.kind.closes = promise;
    const before = rig.ledger.interface("br1");
    ip("link delete br1");
    await rig.captures();
    await rig.capture.rerange(undefined, () => rig.ledger.rerange(new RangeTable([]), 0));
    resolve();
    await until("it is closed", () => engine!.isClosed);
    const sinks = [before, undefined, rig.ledger.interface("br1")];
    assert.ok(sinks.every((sink, k) => engine!.sinks[k] === sink));
    assert.notEqual(sinks[0], sinks[2]);
  });

  test("has what is being opened count by other rules, if those come meanwhile", async () => {
    await using rig = await Rig.start(["br*"]);
    const { promise, resolve } = Promise.withResolvers<void>();
    rig.kind.opens = promise;
    addUp("br1");
    await until("it is being opened", () => rig.kind.siblings.length === 1);
    const reranged = rig.capture.rerange(undefined, () => rig.ledger.rerange(new RangeTable([]), 0));
    resolve();
    await reranged;
    await rig.captures("br1");
    assert.equal(rig.kind.engines[0]!.sink, rig.ledger.interface("br1"));
  });

  test("counts by other rules while what is opened waits for what is closed", { timeout: 60_000 }, async () => {
    addUp("br1", "br2");
    await using rig = await Rig.start(["br*"]);
    const { promise, resolve } = Promise.withResolvers<void>();
    rig.kind.closes = promise;
    ip("link delete br1");
    await rig.captures("br2");
    // More than there are.
    rig.kind.descriptors = 2 ** 30;
    addUp("br3");
    await until("br3 is about to be opened", () => rig.names().includes("br3"));
    const reranged = rig.capture.rerange(undefined, () => {});
    ip("link delete br2");
    await rig.captures();
    resolve();
    await reranged;
    assert.ok(rig.told.some(([what, name]) => what === "failed" && name === "br3"));
  });
});
