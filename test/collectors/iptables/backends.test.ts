import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findPrograms, findStandard } from "../../../src/collectors/iptables/backends.ts";
import { FakePrograms } from "./fake-programs.ts";

const { signal } = new AbortController();

async function found(folders: string[]): Promise<string[]> {
  const programs = await findPrograms(folders, signal);
  return programs.map(
    ({ backend, family, path }) => `${backend} ${family ?? "all"} ${path.slice(path.lastIndexOf("/") + 1)}`,
  );
}

/** Debian's way: one program by many names. */
function addLinks(fakes: FakePrograms, target: string, ...names: string[]): void {
  fakes.add(target, "exit 1");
  for (const name of names) fakes.link(target, name);
}

describe("programs are found", () => {
  test("by the names that they have on Debian, each backend once", async () => {
    using fakes = new FakePrograms();
    addLinks(fakes, "xtables-nft-multi", "iptables-nft-save", "ip6tables-nft-save", "iptables-save", "ip6tables-save");
    addLinks(fakes, "xtables-legacy-multi", "iptables-legacy-save", "ip6tables-legacy-save");
    fakes.add("nft", "");
    assert.deepEqual(await found([fakes.path]), [
      "iptables-nft ipv4 iptables-nft-save",
      "iptables-legacy ipv4 iptables-legacy-save",
      "iptables-nft ipv6 ip6tables-nft-save",
      "iptables-legacy ipv6 ip6tables-legacy-save",
      "nftables all nft",
    ]);
    const [standard] = await findStandard([fakes.path], signal);
    assert.deepEqual(standard, { backend: "iptables-nft", family: "ipv4", path: join(fakes.path, "iptables-save") });
  });

  test("if iptables-save is the only name, by what it links to", async () => {
    for (const [target, backend] of [
      ["xtables-nft-multi", "iptables-nft"],
      ["xtables-legacy-multi", "iptables-legacy"],
      ["xtables-multi", "iptables-legacy"],
    ] as const) {
      using fakes = new FakePrograms();
      addLinks(fakes, target, "iptables-save");
      assert.deepEqual(await found([fakes.path]), [`${backend} ipv4 iptables-save`]);
    }
  });

  test("if it links to nothing known, by what it says of itself", async () => {
    for (const [version, backend] of [
      ["iptables-save v1.8.9 (nf_tables)", "iptables-nft"],
      ["iptables-save v1.8.9 (legacy)", "iptables-legacy"],
      ["iptables-save v1.4.21", "iptables-legacy"],
    ] as const) {
      using fakes = new FakePrograms();
      fakes.add("iptables-save", `[ "$*" = --version ] && echo '${version}'`);
      assert.deepEqual(await found([fakes.path]), [`${backend} ipv4 iptables-save`]);
    }
  });

  test("in the first folder that has them; what can't be run is none", async () => {
    using first = new FakePrograms();
    using second = new FakePrograms();
    first.add("nft", "");
    second.add("nft", "");
    second.add("iptables-nft-save", "");
    const programs = await findPrograms(["/nonexistent", first.path, second.path], signal);
    assert.deepEqual(
      programs.map(({ path }) => path),
      [join(second.path, "iptables-nft-save"), join(first.path, "nft")],
    );
  });

  test("or not at all", async () => {
    assert.deepEqual(await findPrograms(["/nonexistent"], signal), []);
    assert.deepEqual(await findStandard(["/nonexistent"], signal), []);
  });
});
