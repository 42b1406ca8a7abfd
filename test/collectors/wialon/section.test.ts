import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configOf } from "../../../src/daemon/config.ts";
import { PromtapError } from "../../../src/errors.ts";

function configWith(flags: Record<string, string | string[]>) {
  return configOf(new Map(Object.entries(flags).map(([name, value]) => [name, [value].flat()])));
}

function errorOf(flags: Record<string, string | string[]>): string {
  try {
    configWith(flags);
  } catch (error) {
    if (error instanceof PromtapError && error.exitStatus === 2) return error.message;
    throw error;
  }
  throw new Error("it is legal");
}

describe("--wialon", () => {
  test("reads port 20332 on all interfaces, and counts no traffic by itself", () => {
    const { features, interfaces, isCounted } = configWith({ wialon: "" });
    assert.deepEqual(features.wialon, {
      interfaces: null,
      filter: "tcp port 20332",
      maxStreams: 16_384,
      hasDevices: false,
    });
    assert.deepEqual([interfaces, isCounted], [["auto"], false]);
    assert.equal(configWith({}).features.wialon, null);
  });

  test("reads on the interfaces of -i unless it has its own", () => {
    const shared = configWith({ wialon: "", interface: ["eth0", "wg*"] });
    assert.deepEqual([shared.features.wialon?.interfaces, shared.interfaces], [null, ["eth0", "wg*"]]);
    const both = configWith({ wialon: "", interface: "eth0", "wialon-interface": ["eth1", "eth1"] });
    assert.deepEqual(both.features.wialon?.interfaces, ["eth1"]);
    assert.deepEqual(both.interfaces, ["eth0"]);
  });

  test("takes a filter, a limit, and devices", () => {
    const flags = { wialon: "", "wialon-filter": "port 5", "wialon-max-streams": "9", "wialon-devices": "" };
    assert.deepEqual(configWith(flags).features.wialon, {
      interfaces: null,
      filter: "port 5",
      maxStreams: 9,
      hasDevices: true,
    });
  });

  test("is needed by its flags, and refuses what is not legal", () => {
    for (const name of ["wialon-interface", "wialon-filter", "wialon-max-streams", "wialon-devices"]) {
      assert.equal(errorOf({ [name]: "1" }), `--${name} needs --wialon`);
    }
    const cases: [flags: Record<string, string>, message: RegExp][] = [
      [{ "wialon-interface": "a b" }, /^invalid --wialon-interface "a b"; legal is a name/],
      [{ "wialon-filter": " " }, /^invalid --wialon-filter " "; legal is an expression/],
      [{ "wialon-max-streams": "-1" }, /^invalid --wialon-max-streams "-1"; legal is a number from 0/],
      [{ "wialon-interface": "eth0", read: "x.pcap" }, /^--wialon-interface and --read exclude each other/],
    ];
    for (const [flags, message] of cases) assert.match(errorOf({ wialon: "", ...flags }), message);
  });
});
