import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { TemporaryFolder } from "../support/temporary-folder.ts";

/** What npm run packages has made, in a folder; npm test makes none. */
const folder = process.env["PACKAGES"] ?? "";
const skip = folder === "" && "needs npm run packages";
const names = folder === "" ? [] : readdirSync(folder).sort();
const isNative = (name: string): boolean => /amd64|x86_64|x64/.test(name) === (process.arch === "x64");
const nativeOf = (ending: string): string =>
  join(
    folder,
    names.find((name) => name.endsWith(ending) && isNative(name))!,
  );

function run(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "pipe"] });
}

describe("packages", { skip }, () => {
  test("are there for both architectures, with their sums", () => {
    for (const ending of ["-x64", "-arm64", "-x64.cdx.json", "-arm64.cdx.json", "-x64.tar.gz", "-arm64.tar.gz"]) {
      assert.ok(
        names.some((name) => name.endsWith(`-linux${ending}`)),
        ending,
      );
    }
    for (const ending of ["_amd64.deb", "_arm64.deb", ".x86_64.rpm", ".aarch64.rpm"]) {
      assert.ok(
        names.some((name) => name.endsWith(ending)),
        ending,
      );
    }
    const checked = execFileSync("sha256sum", ["--check", "sha256sums.txt"], { cwd: folder, encoding: "utf8" });
    assert.deepEqual(
      checked.match(/^.*(?=: OK$)/gm)?.sort(),
      names.filter((name) => name !== "sha256sums.txt"),
    );
  });

  test("have nothing that lintian calls an error or warns of", () => {
    for (const name of names.filter((each) => each.endsWith(".deb"))) {
      assert.equal(run("lintian", "--allow-root", "--fail-on", "error,warning", join(folder, name)), "", name);
    }
  });

  test("hold the same files, whatever their form", () => {
    const filesOf = (listed: string): string[] =>
      [...listed.matchAll(/^-.* \.?(\/.*)$/gm)].map(([, path = ""]) => path);
    const ofDebian = filesOf(run("dpkg-deb", "--contents", nativeOf(".deb")));
    const ofRpm = filesOf(run("rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\\n]", nativeOf(".rpm")));
    const ofNobodyElse = /\/(changelog\.gz|copyright|lintian\/overrides\/promtap)$/;
    const expected = ofDebian
      .filter((path) => !ofNobodyElse.test(path))
      .map((path) => path.replace(/^\/lib\//, "/usr/lib/").replace("zsh/vendor-completions", "zsh/site-functions"));
    assert.ok(expected.includes("/usr/bin/promtap"));
    assert.deepEqual(ofRpm.sort(), expected.sort());
  });
});

/** A machine that has all of this one's files, and changes its own alone; no systemd runs there. */
class Overlay extends TemporaryFolder {
  run(script: string): string {
    for (const name of ["upper", "work", "root"]) mkdirSync(join(this.path, name), { recursive: true });
    const layers = `lowerdir=/,upperdir=${this.path}/upper,workdir=${this.path}/work`;
    const mounts = `mount -t tmpfs none ${this.path} && mkdir ${this.path}/upper ${this.path}/work ${this.path}/root`;
    const enter = `mount -t overlay -o ${layers} none ${this.path}/root && mount --bind ${folder} ${this.path}/root/mnt &&
      mount -t proc proc ${this.path}/root/proc && mount -t tmpfs none ${this.path}/root/run &&
      chroot ${this.path}/root sh -euc "$0"`;
    return run("unshare", "--mount", "--pid", "--fork", "sh", "-euc", `${mounts} && ${enter}`, script);
  }
}

describe("the Debian package", { skip: skip || (process.getuid?.() !== 0 && "needs root") }, () => {
  test("installs, keeps its configuration when it is removed, and leaves nothing after a purge", () => {
    using machine = new Overlay();
    const listed = machine.run(`
      exec 2>&1
      wanted=/etc/systemd/system/multi-user.target.wants/promtap.service
      tell() { for path in /usr/bin/promtap $wanted /etc/default/promtap /var/lib/private/promtap; do
        if [ -e $path ] || [ -L $path ]; then echo "$1 $path"; fi; done; }
      dpkg -i /mnt/promtap_*_${process.arch === "x64" ? "amd64" : "arm64"}.deb >/tmp/log 2>&1 || cat /tmp/log
      promtap --version | head -n 1
      man -w promtap
      dpkg --verify promtap
      mkdir -p /var/lib/private/promtap
      tell installed
      dpkg -r promtap >/tmp/log 2>&1 || cat /tmp/log
      tell removed
      dpkg -P promtap >/tmp/log 2>&1 || cat /tmp/log
      tell purged
      find /etc /usr /var -xdev -name '*promtap*'
    `);
    assert.match(listed.split("\n")[0]!, /^promtap, version /);
    assert.deepEqual(listed.trim().split("\n").slice(1), [
      "/usr/share/man/man8/promtap.8.gz",
      "installed /usr/bin/promtap",
      "installed /etc/systemd/system/multi-user.target.wants/promtap.service",
      "installed /etc/default/promtap",
      "installed /var/lib/private/promtap",
      // it is masked until it is installed again: deb-systemd-helper(1)
      "removed /etc/systemd/system/multi-user.target.wants/promtap.service",
      "removed /etc/default/promtap",
      "removed /var/lib/private/promtap",
    ]);
  });
});

describe("the rpm", { skip: skip || (process.getuid?.() !== 0 && "needs root") }, () => {
  test("installs, has a promtap that listened by itself go on, and leaves nothing of its own when it is erased", () => {
    using machine = new Overlay();
    const listed = machine.run(`
      exec 2>&1
      overrides=/etc/systemd/system/promtap.service.d
      wanted=/etc/systemd/system/multi-user.target.wants/promtap.service
      # Debian has another manager of packages, and these are not known to it
      package() { rpm --force-debian --dbpath /tmp/rpm --nodeps "$@" >/tmp/log 2>&1 || cat /tmp/log; }
      file=$(echo /mnt/promtap-*.${process.arch === "x64" ? "x86_64" : "aarch64"}.rpm)
      package -i $file
      promtap --version | head -n 1
      ls -d /usr/lib/systemd/system/promtap.*
      readlink -f $wanted
      ls -d $overrides || true
      cp /usr/share/doc/promtap/drop-ins/internet.conf /usr/lib/systemd/system/promtap.service.d
      package -U --replacepkgs $file
      ls $overrides
      readlink $overrides/socket.conf
      rm -r $overrides /usr/lib/systemd/system/promtap.service.d/internet.conf
      package -e promtap
      find /etc /usr /var -xdev -name '*promtap*'
    `);
    assert.match(listed.split("\n")[0]!, /^promtap, version /);
    assert.deepEqual(listed.trim().split("\n").slice(1), [
      "/usr/lib/systemd/system/promtap.service",
      "/usr/lib/systemd/system/promtap.service.d",
      "/usr/lib/systemd/system/promtap.socket",
      "/usr/lib/systemd/system/promtap.service",
      "ls: cannot access '/etc/systemd/system/promtap.service.d': No such file or directory",
      "internet.conf",
      "socket.conf",
      "/dev/null",
    ]);
  });
});
