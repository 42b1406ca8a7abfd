import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, before, describe, test } from "node:test";
import { Links } from "../../src/capture/links.ts";
import { lacking } from "../support/requirements.ts";
import { until } from "../support/waiting.ts";
import { deleteAll, enterPrivateNetwork, ip, ipBatch } from "./private-network.ts";

/** What a listener knows that looks at the links when it is told of a change, and only then. */
class Follower implements Disposable {
  readonly links = Links.open();
  state = this.links.all();
  /** Indexes of the links that went. */
  readonly gone: number[] = [];
  calls = 0;

  constructor() {
    this.links.watch((gone) => {
      this.calls++;
      this.gone.push(...gone);
      this.state = this.links.all();
    });
  }

  /** Resolves when this is what there is. */
  async knows(expected: Record<string, "up" | "down">): Promise<void> {
    const goal = JSON.stringify(Object.entries(expected).toSorted(byName));
    await until(`the links are ${goal}`, () => {
      const known = this.state.map(({ name, isUp }) => [name, isUp ? "up" : "down"]);
      return JSON.stringify(known.toSorted(byName)) === goal;
    });
  }

  [Symbol.dispose](): void {
    this.links[Symbol.dispose]();
  }
}

function byName([a]: unknown[], [b]: unknown[]): number {
  return String(a) < String(b) ? -1 : 1;
}

test("the links of this host are listed without privileges, loopback among them", () => {
  using links = Links.open();
  const lo = links.find("lo");
  assert.equal(lo?.isLoopback, true);
  assert.equal(lo.isEthernet, true);
  assert.ok(links.all().includes(lo));
  assert.equal(links.find("no-such-link"), undefined);
});

describe("links of a private namespace", { skip: lacking("root", "ip") }, () => {
  before(enterPrivateNetwork);
  afterEach(() => {
    deleteAll();
    ip("link set lo down");
  });

  test("are known as they come, go up, go down and go", async () => {
    using follower = new Follower();
    await follower.knows({ lo: "down" });
    ip("link add br1 type bridge");
    await follower.knows({ lo: "down", br1: "down" });
    ip("link set br1 up");
    await follower.knows({ lo: "down", br1: "up" });
    ip("link set lo up");
    await follower.knows({ lo: "up", br1: "up" });
    ip("link set br1 down");
    await follower.knows({ lo: "up", br1: "down" });
    const { index } = follower.links.find("br1")!;
    ip("link delete br1");
    await follower.knows({ lo: "up" });
    assert.deepEqual(follower.gone, [index]);
  });

  test("are known with the other names that they are given", async () => {
    // The kernel tells of them while the interface is up.
    ip("link add br1 up type bridge");
    using follower = new Follower();
    const namesOf = () => follower.state.find(({ name }) => name === "br1")!.altNames;
    ip("link property add dev br1 altname uplink altname a-name-that-is-longer-than-fifteen-bytes");
    await until("both are known", () => namesOf().length === 2);
    assert.deepEqual(namesOf(), ["uplink", "a-name-that-is-longer-than-fifteen-bytes"]);
    ip("link property del dev uplink altname uplink");
    await until("one is known", () => namesOf().length === 1);
  });

  test("that are as they were for all that matters are not told of", async () => {
    ip("link add br1 type bridge");
    using follower = new Follower();
    const [before] = follower.state.filter(({ name }) => name === "br1");
    ipBatch(["link set br1 promisc on", "link set br1 mtu 1400", "link set br1 promisc off", "link set lo up"]);
    await follower.knows({ lo: "up", br1: "down" });
    assert.equal(follower.calls, 1);
    assert.equal(
      follower.state.find(({ name }) => name === "br1"),
      before,
    );
  });

  test("that went are told of though others have their index", async () => {
    ip("link add br1 index 77 type bridge");
    using follower = new Follower();
    ipBatch(["link delete br1", "link add br1 index 77 type bridge"]);
    await until("it is told", () => follower.calls > 0);
    assert.deepEqual(follower.gone, [77]);
    assert.equal(follower.links.find("br1")!.index, 77);
  });

  test("are read a few in each turn of the event loop, however many there are", async () => {
    using follower = new Follower();
    ipBatch(Array.from({ length: 21 }, (_, count) => `link set lo ${count % 2 === 0 ? "up" : "down"}`));
    await follower.knows({ lo: "up" });
    await until("the rest is read", () => follower.calls > 1);
  });

  test("that are renamed go by their old name and come by the new one", async () => {
    ip("link add br1 type bridge");
    using follower = new Follower();
    ip("link set br1 name br2");
    await follower.knows({ lo: "down", br2: "down" });
  });

  test("that are made again have another index", async () => {
    ip("link add br1 type bridge");
    using follower = new Follower();
    const before = follower.links.find("br1")!.index;
    ipBatch(["link delete br1", "link add br1 type bridge", "link set br1 up"]);
    await follower.knows({ lo: "down", br1: "up" });
    assert.notEqual(follower.links.find("br1")!.index, before);
    assert.deepEqual(follower.gone, [before]);
  });

  test("are listed in full when they fill several messages", () => {
    ipBatch(Array.from({ length: 60 }, (_, index) => `link add many${index} type bridge`));
    using links = Links.open();
    assert.equal(links.all().length, 61);
  });

  test("that leave a bridge are still there", async () => {
    ipBatch(["link add br1 type bridge", "link add veth1 type veth peer name veth2", "link set veth1 master br1 up"]);
    using follower = new Follower();
    ipBatch(["link set veth1 nomaster", "link delete br1", "link add br2 type bridge"]);
    await follower.knows({ lo: "down", veth1: "up", veth2: "down", br2: "down" });
  });

  test("are known again after more changes than the kernel keeps for a listener", async () => {
    ipBatch(["link add again type bridge", "link add old type bridge", "link add gone type bridge"]);
    using follower = new Follower();
    const index = follower.links.find("again")!.index;
    const storm = Array.from({ length: 2000 }, (_, count) => `link set lo ${count % 2 === 0 ? "up" : "down"}`);
    ipBatch([...storm, "link delete gone", "link delete again", "link add again type bridge", "link set again up"]);
    ipBatch(["link set old name new", "link set new up"]);
    await follower.knows({ lo: "down", again: "up", new: "up" });
    assert.notEqual(follower.links.find("again")!.index, index);
  });

  test("are known in the end after changes that come faster than they are read", async () => {
    using follower = new Follower();
    const pairs = Array.from({ length: 1500 }, () => ["link set lo up", "link set lo down"]).flat();
    const last = ["link add br1 type bridge", "link set br1 up", "link set lo up"];
    const storm = spawn("ip", ["-batch", "-"], { stdio: ["pipe", "ignore", "inherit"] });
    storm.stdin.end(`${[...pairs, ...last].join("\n")}\n`);
    const ended = once(storm, "close");
    let isOver = false;
    void ended.then(() => (isOver = true));
    while (!isOver) {
      // Held up for longer than the socket can hold what comes.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 50);
      await new Promise(setImmediate);
    }
    await follower.knows({ lo: "up", br1: "up" });
  });

  test("are known if news is lost while they are listed because news was lost", async () => {
    const many = Array.from({ length: 200 }, (_, index) => `many${index}`);
    ipBatch(many.map((name) => `link add ${name} type bridge`));
    const down = Object.fromEntries(many.map((name) => [name, "down"] as const));
    using follower = new Follower();
    const pairs = Array.from({ length: 500 }, () => ["link set lo down", "link set lo up"]).flat();
    // Whenever the list begins and ends, one of these is in between: it has loopback, the first, as it was before.
    for (let turns = 0; turns < 60; turns += 5) {
      ipBatch(pairs);
      for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
      ipBatch([...pairs, "link set lo down"]);
      await follower.knows({ ...down, lo: "down" });
    }
  });
});
