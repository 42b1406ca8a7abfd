import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { debianName, writeDebianPackage } from "../../../scripts/packages/debian.ts";
import type { Ingredients } from "../../../scripts/product.ts";
import { committed, root } from "../../../scripts/project.ts";
import { writeTarball } from "../../../scripts/release.ts";
import { native } from "../../../scripts/target.ts";
import { lacking } from "../../support/requirements.ts";
import { TemporaryFolder } from "../../support/temporary-folder.ts";

type Writer = (ingredients: Ingredients, binary: string, path: string) => void;

const WRITERS: Readonly<Record<string, Writer>> = {
  tarball: writeTarball,
  "Debian package": (ingredients, binary, path) => writeDebianPackage(ingredients, binary, path, ["-Zgzip"]),
};

/** Packs a binary that is none, by somebody with that umask, out of files of that time; returns the path. */
function pack(write: Writer, folder: string, umask: number, time: number): string {
  const before = process.umask(umask);
  try {
    const [binary, addon, path] = ["promtap", "koffi.node", "packed"].map((name) => join(folder, name));
    for (const file of [binary!, addon!]) {
      writeFileSync(file, "\x7fELF");
      utimesSync(file, time, time);
    }
    const target = { ...native, cache: folder };
    const texts = { code: "", assets: {}, licences: "licences\n", bill: "{}\n", missing: undefined };
    write({ target, addons: [addon!], ...texts }, binary!, path!);
    return path!;
  } finally {
    process.umask(before);
  }
}

for (const [name, write] of Object.entries(WRITERS)) {
  test(`a ${name} has the same bytes wherever, whenever and by whom it is made`, { skip: lacking("dpkg-deb") }, () => {
    using first = new TemporaryFolder();
    using second = new TemporaryFolder();
    const one = readFileSync(pack(write, first.path, 0o022, 1));
    const other = readFileSync(pack(write, second.path, 0o077, 2_000_000_000));
    assert.ok(one.equals(other));
  });
}

describe("the Debian package", { skip: lacking("dpkg-deb") }, () => {
  test("has root's files with the time of the commit, at the places of the standard", () => {
    using folder = new TemporaryFolder();
    const path = pack(WRITERS["Debian package"]!, folder.path, 0o077, 1);
    const listed = execFileSync("dpkg-deb", ["--contents", path], {
      encoding: "utf8",
      env: { ...process.env, TZ: "UTC" },
    });
    const time = new Date(committed * 1000).toISOString().slice(0, 16).replace("T", " ");
    for (const line of listed.trim().split("\n")) {
      assert.match(line, /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--) root\/root /);
      assert.ok(line.includes(time), line);
    }
    for (const file of [
      "-rwxr-xr-x .* ./usr/bin/promtap",
      "-rw-r--r-- .* ./etc/default/promtap",
      "-rw-r--r-- .* ./lib/systemd/system/promtap.service",
      "-rw-r--r-- .* ./lib/systemd/system/promtap.socket",
      "-rw-r--r-- .* ./lib/systemd/system/promtap.service.d/socket.conf",
      "-rw-r--r-- .* ./usr/share/doc/promtap/drop-ins/internet.conf",
      "-rw-r--r-- .* ./usr/share/man/man8/promtap.8.gz",
      "-rw-r--r-- .* ./usr/share/bash-completion/completions/promtap",
      "-rw-r--r-- .* ./usr/share/zsh/vendor-completions/_promtap",
      "-rw-r--r-- .* ./usr/share/fish/vendor_completions.d/promtap.fish",
      "-rw-r--r-- .* ./usr/share/doc/promtap/THIRD-PARTY-LICENSES.txt",
      "-rw-r--r-- .* ./usr/share/doc/promtap/promtap.cdx.json",
    ]) {
      assert.match(listed, new RegExp(`^${file}$`, "m"));
    }
    assert.doesNotMatch(listed, /\.\/usr\/local/);
  });

  test("exposes little of the machine, 1.3 of 10", { skip: lacking("systemd-analyze") }, () => {
    using folder = new TemporaryFolder();
    const path = pack(WRITERS["Debian package"]!, folder.path, 0o022, 1);
    const out = join(folder.path, "out");
    execFileSync("dpkg-deb", ["--raw-extract", path, out]);
    const units = join(out, "lib/systemd/system");
    const dropIns = readdirSync(join(units, "promtap.service.d")).map((name) => `promtap.service.d/${name}`);
    const texts = ["promtap.service", ...dropIns].map((name) => readFileSync(join(units, name), "utf8"));
    // an offline look at a unit passes its drop-ins over, and wants a program that is there
    const whole = join(folder.path, "whole.service");
    writeFileSync(whole, texts.join("\n").replace("/usr/bin/promtap", "/usr/bin/true"));
    execFileSync("systemd-analyze", ["security", "--offline=true", "--threshold=13", whole], { stdio: "pipe" });
  });

  test("starts its own program, and keeps what the administrator changes", () => {
    using folder = new TemporaryFolder();
    const path = pack(WRITERS["Debian package"]!, folder.path, 0o022, 1);
    const out = join(folder.path, "out");
    execFileSync("dpkg-deb", ["--raw-extract", path, out]);
    const unit = readFileSync(join(out, "lib/systemd/system/promtap.service"), "utf8");
    assert.match(unit, /^ExecStart=\/usr\/bin\/promtap /m);
    assert.doesNotMatch(unit, /\/usr\/local/);
    assert.equal(readFileSync(join(out, "DEBIAN/conffiles"), "utf8"), "/etc/default/promtap\n");
    const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
    const field = (name: string): string =>
      execFileSync("dpkg-deb", ["--field", path, name], { encoding: "utf8" }).trim();
    const name = debianName({ target: native } as Ingredients);
    assert.equal(name, `promtap_${version}_${field("Architecture")}.deb`);
    assert.equal(field("Version"), version);
    for (const script of ["preinst", "postinst", "prerm", "postrm"]) {
      execFileSync("sh", ["-n", join(out, "DEBIAN", script)]);
    }
  });
});
