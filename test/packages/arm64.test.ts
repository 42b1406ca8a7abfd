import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { pcap } from "../capture/savefile/captures.ts";
import { FRAMES } from "../capture/savefile/samples.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** What npm run packages has made, in a folder; npm test makes none. */
const folder = process.env["PACKAGES"] ?? "";
const names = folder === "" ? [] : readdirSync(folder);
const binary = (architecture: string): string =>
  join(folder, names.find((name) => name.endsWith(`-${architecture}`)) ?? "");

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  x64: [binary("x64")],
  arm64: ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu", binary("arm64")],
};

function output(architecture: string, ...args: readonly string[]): string {
  const [command = "", ...first] = COMMANDS[architecture]!;
  return execFileSync(command, [...first, ...args], { encoding: "utf8", maxBuffer: 1 << 26 });
}

/** What a page says of traffic, which no process and no moment differ in. */
function counts(page: string): string {
  return page
    .split("\n")
    .filter((line) => /^promacct_|^promtap_(traffic|zone|customer|range)/.test(line))
    .join("\n");
}

describe("the binary for arm64", { skip: folder === "" && "needs npm run packages" }, () => {
  test("is of the version that the one for x64 is", () => {
    const [x64 = "", arm64 = ""] = ["x64", "arm64"].map((each) => output(each, "--version").split("\n")[0]);
    assert.match(x64, /^promtap, version /);
    assert.equal(arm64, x64);
  });

  test("has the manual page and completions that the one for x64 has", () => {
    for (const args of [["man"], ["completion", "bash"]]) {
      assert.equal(output("arm64", ...args), output("x64", ...args));
    }
  });

  for (const order of ["little", "big"] as const) {
    test(`counts a ${order}-endian capture file as the one for x64 does`, () => {
      using temporary = new TemporaryFolder();
      const file = join(temporary.path, "frames.pcap");
      const many = Array.from({ length: 50 }, () => FRAMES).flat();
      writeFileSync(file, Buffer.from(pcap({ order }, many).flat()));
      const ranges = ["-r", "10.0.0.0/24:site=ams", "-r", "2001:db8::/48/64", "--by", "country"];
      const args = ["--read", file, "--once", ...ranges];
      const page = counts(output("x64", ...args));
      assert.match(page, /ip="10\.0\.0\.1",protocol="tcp",le="\+Inf"\} 100$/m);
      assert.equal(counts(output("arm64", ...args)), page);
    });
  }
});
