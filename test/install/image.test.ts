import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { install, type Service } from "../../src/install/install.ts";
import { Machine } from "../../src/install/machine.ts";
import { uninstall } from "../../src/install/uninstall.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const UNIT = "etc/systemd/system/promtap.service";
const DEFAULTS = "etc/default/promtap";
const SERVICE: Service = {
  name: "promtap",
  isPersonality: false,
  words: ["--interface=eth0", "--web.systemd-socket"],
  streams: ["9112"],
  dropIns: ["capture-bpf", "socket"],
  shared: [
    { path: "/usr/local/bin/promtap", content: "the program", isProgram: true },
    { path: "/usr/local/share/man/man8/promtap.8", content: "the manual page" },
  ],
};
const AS_PROMACCT: Service = {
  ...SERVICE,
  name: "promacct",
  isPersonality: true,
  words: ["-i", "eth0"],
};
const COMMON = ["usr/local/bin/promtap", "usr/local/share/man/man8/promtap.8"];
const OWN = [
  DEFAULTS,
  "etc/systemd/system/multi-user.target.wants/promtap.service",
  UNIT,
  `${UNIT}.d/capture-bpf.conf`,
  `${UNIT}.d/socket.conf`,
  "etc/systemd/system/promtap.socket",
  "etc/systemd/system/sockets.target.wants/promtap.socket",
  "usr/local/lib/promtap/promtap.sha256",
];

/** An image of a machine, and what was told of it. */
class Image extends TemporaryFolder {
  told: string[] = [];

  async install(service: Partial<Service> = {}, isForced = false): Promise<void> {
    await install({ ...SERVICE, ...service }, this.#machine(false), isForced);
  }

  async tell(service: Partial<Service> = {}): Promise<void> {
    await install({ ...SERVICE, ...service }, this.#machine(true), false);
  }

  async uninstall(name = "promtap", options: { isForced?: boolean; isPurge?: boolean } = {}): Promise<void> {
    await uninstall({ name, isForced: false, isPurge: false, ...options }, this.#machine(false));
  }

  #machine(isDry: boolean): Machine {
    this.told = [];
    return new Machine(this.path, isDry, (line) => this.told.push(line));
  }

  /** Paths of all files and links. */
  get files(): string[] {
    const entries = readdirSync(this.path, { recursive: true, withFileTypes: true });
    const files = entries.filter((entry) => !entry.isDirectory());
    return files.map(({ parentPath, name }) => join(parentPath, name).slice(this.path.length + 1)).toSorted();
  }

  read(path: string): string {
    return readFileSync(join(this.path, path), "utf8");
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.path, path)), { recursive: true });
    writeFileSync(join(this.path, path), text);
  }

  mode(path: string): number {
    return lstatSync(join(this.path, path)).mode & 0o777;
  }
}

describe("an image", () => {
  test("has program, unit, drop-ins, socket, flags and links that start them, and sums that sha256sum checks", async () => {
    using image = new Image();
    await image.install();
    assert.deepEqual(image.files, [...OWN, ...COMMON].toSorted());
    assert.equal(image.mode("usr/local/bin/promtap"), 0o755);
    assert.equal(image.mode(UNIT), 0o644);
    assert.match(image.read(DEFAULTS), /^ARGS="--interface=eth0 --web\.systemd-socket"$/m);
    const wanted = join(image.path, "etc/systemd/system/sockets.target.wants/promtap.socket");
    assert.equal(readlinkSync(wanted), "/etc/systemd/system/promtap.socket");
    const sums = image.read("usr/local/lib/promtap/promtap.sha256").replaceAll("  /", "  ");
    const checked = execFileSync("sha256sum", ["--check"], { cwd: image.path, input: sums, encoding: "utf8" });
    assert.equal(checked.split("\n").length - 1, OWN.length + COMMON.length - 3);
  });

  test("stays as it is if the same is installed again, and loses what other flags do not need", async () => {
    using image = new Image();
    await image.install();
    const { ino } = lstatSync(join(image.path, "usr/local/bin/promtap"));
    await image.install();
    assert.deepEqual(image.told, ["all is as it should be"]);
    await image.install({ words: ["--geoip", "-p0"], streams: undefined, dropIns: ["internet"] });
    const gone = /capture-bpf|socket/;
    assert.deepEqual(
      image.files,
      [...OWN.filter((path) => !gone.test(path)), ...COMMON, `${UNIT}.d/internet.conf`].toSorted(),
    );
    assert.match(image.read(DEFAULTS), /^ARGS="--geoip -p0"$/m);
    assert.equal(lstatSync(join(image.path, "usr/local/bin/promtap")).ino, ino);
  });

  test("is told in full, with the texts of what is in /etc, and not written", async () => {
    using image = new Image();
    await image.tell();
    assert.deepEqual(image.files, []);
    await image.install();
    const told = image.told.map((line) => line.replace(/^(?:write|link) /, "would $&"));
    await image.uninstall();
    await image.tell();
    for (const line of told.filter((each) => !each.includes(DEFAULTS))) assert.ok(image.told.includes(line), line);
    assert.ok(image.told.some((line) => /\n==> .*promtap\.service <==\n[^]*\nDynamicUser=yes\n/.test(line)));
  });

  test("keeps what somebody else has put there, names all of it, and has it replaced if that is asked for", async () => {
    using image = new Image();
    await image.install();
    image.write(UNIT, "[Service]\nExecStart=/bin/true\n");
    image.write("etc/systemd/system/promacct.service", "the one before");
    const before = image.files;
    const other = { words: ["--geoip"] };
    await assert.rejects(image.install(other), {
      message:
        /^couldn't install: \/etc\/systemd\/system\/promtap\.service was changed by hand; nothing has changed; --force /,
    });
    await assert.rejects(image.install(AS_PROMACCT), { message: /promacct\.service was there before/ });
    assert.deepEqual(image.files, before);
    assert.match(image.read(DEFAULTS), /eth0/);
    await image.install(other, true);
    assert.match(image.read(UNIT), /^Type=notify$/m);
    assert.match(image.read(DEFAULTS), /geoip/);
  });

  test("does not follow a link to write elsewhere", async () => {
    using image = new Image();
    image.write("etc/elsewhere", "kept");
    mkdirSync(join(image.path, "etc/default"));
    symlinkSync("../elsewhere", join(image.path, DEFAULTS));
    await assert.rejects(image.install(), { message: /\/etc\/default\/promtap was there before/ });
    await image.install({}, true);
    assert.equal(image.read("etc/elsewhere"), "kept");
    assert.ok(lstatSync(join(image.path, DEFAULTS)).isFile());
  });

  test("is left as it was if a file can't be written", async () => {
    using image = new Image();
    image.write("etc/systemd/system/promtap.service.d", "a file where a folder is to be");
    await assert.rejects(image.install(), {
      message: /^couldn't write \/etc\/.*capture-bpf\.conf: (?:file already exists|not a directory)$/,
    });
    assert.deepEqual(image.files, ["etc/systemd/system/promtap.service.d"]);
  });

  test("that has promtap of a package is left alone", async () => {
    using image = new Image();
    image.write("usr/share/doc/promtap/copyright", "");
    await assert.rejects(image.install(), {
      message: /^couldn't install: promtap is of a package here, which is dpkg's/,
    });
    await assert.rejects(image.uninstall(), { message: /^couldn't uninstall: promtap is of a package here/ });
  });
});

describe("what is uninstalled", () => {
  test("leaves the flags and the state, which a purge takes as well", async () => {
    using image = new Image();
    await image.install();
    image.write("var/lib/private/promtap/promtap.state", "");
    image.write("usr/local/bin/promtap.old", "");
    await image.uninstall();
    const kept = [DEFAULTS, "usr/local/lib/promtap/promtap.sha256"];
    assert.deepEqual(image.files, [...kept, "var/lib/private/promtap/promtap.state"].toSorted());
    await assert.rejects(image.uninstall(), {
      message: "couldn't uninstall: promtap is not installed; what is: nothing",
    });
    await image.install();
    await image.uninstall("promtap", { isPurge: true });
    assert.deepEqual(image.files, []);
  });

  test("leaves what another service needs", async () => {
    using image = new Image();
    await image.install();
    await image.install(AS_PROMACCT);
    assert.equal(readlinkSync(join(image.path, "usr/local/bin/promacct")), "promtap");
    const unit = image.read("etc/systemd/system/promacct.service");
    assert.match(unit, /^ExecStart=\/usr\/local\/bin\/promacct \$ARGS$/m);
    assert.match(unit, /^StateDirectory=promacct$/m);
    assert.match(image.read("etc/systemd/system/promacct.service.d/socket.conf"), /^Requires=promacct\.socket$/m);
    await image.uninstall("promacct", { isPurge: true });
    assert.deepEqual(image.files, [...OWN, ...COMMON].toSorted());
  });

  test("is not touched if it was changed by hand", async () => {
    using image = new Image();
    await image.install();
    image.write(UNIT, "changed");
    await assert.rejects(image.uninstall(), { message: /promtap\.service was changed by hand; nothing has changed/ });
    assert.deepEqual(image.files, [...OWN, ...COMMON].toSorted());
    await image.uninstall("promtap", { isForced: true, isPurge: true });
    assert.deepEqual(image.files, []);
  });
});
