import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import type { UnixAddress } from "../../src/http/unix-socket.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { fetchText, saying, serve } from "./client.ts";
import { FakeSite } from "./fake-site.ts";

const ADVICE = "; give another with --web.listen-address";
const LISTENER = JSON.stringify(new URL("../../src/http/listener.ts", import.meta.url).href);
/** What another process runs: it listens on the address that it is given, and says so, or why not. */
const LISTEN = `
  import { createServer } from "node:net";
  const { listen } = await import(${LISTENER});
  const { user, groups, ...address } = JSON.parse(process.argv[1]);
  if (groups !== undefined) process.setgroups(groups);
  if (user !== undefined) { process.setgid(user); process.setuid(user); }
  const server = createServer();
  await listen(server, { kind: "unix", mode: 0o660, group: null, ...address }).then(
    () => console.log("listening"),
    (error) => console.log(error.message),
  );
`;
/** The same, whenever a line tells it to; what connects is told its number. */
const LISTEN_AGAIN = `
  import { createServer } from "node:net";
  import { createInterface } from "node:readline";
  const { listen } = await import(${LISTENER});
  let server, listening;
  for await (const word of createInterface(process.stdin)) {
    if (word === "listen") {
      server = createServer((socket) => socket.on("error", () => {}).end(String(process.pid)));
      const address = { kind: "unix", mode: 0o660, group: null, path: process.argv[1] };
      console.log(await listen(server, address).then((found) => (listening = found, "listening"), ({ message }) => message));
    } else {
      listening?.release();
      server?.close();
      console.log(word);
    }
  }
`;
const NOBODY = 65_534;

function serveOn(path: string, access: Partial<UnixAddress> = {}): ReturnType<typeof serve> {
  return serve(new FakeSite(), { listen: [{ kind: "unix", path, mode: 0o660, group: null, ...access }] });
}

/** A path for a socket in a folder that anyone may write to, and nothing else in it. */
function freshPath(folder: TemporaryFolder): string {
  chmodSync(folder.path, 0o777);
  return join(folder.path, "promtap.sock");
}

/** What a process of another user says that tries to listen. */
function listenAs(user: number, groups: readonly number[], address: Partial<UnixAddress>): string {
  const script = `${LISTEN} process.exit();`;
  const args = ["--input-type=module", "-e", script, "--", JSON.stringify({ user, groups, ...address })];
  return spawnSync(process.execPath, args, { encoding: "utf8" }).stdout;
}

/** Leaves the socket of a process that was killed. */
async function leaveStaleSocket(path: string): Promise<void> {
  const args = ["--input-type=module", "-e", LISTEN, "--", JSON.stringify({ path })];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [said] = await once(child.stdout, "data");
  assert.equal(String(said), "listening\n");
  child.kill("SIGKILL");
  await once(child, "close");
  assert.ok(existsSync(path));
  await assert.rejects(fetchText({ socketPath: path }), { code: "ECONNREFUSED" });
}

/** Leaves a socket that nobody listens on, without a process of its own. */
async function leaveLinkedSocket(path: string): Promise<void> {
  const server = createServer().listen({ path: `${path}.bound` });
  await once(server, "listening");
  linkSync(`${path}.bound`, path);
  server.close();
  await once(server, "close");
}

function modeOf(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

describe("a unix socket", () => {
  test("is served, for the owner and the group, and removed at the end", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    {
      await using server = await serveOn(path);
      assert.deepEqual(server.addresses, [`unix:${path}`]);
      assert.equal(modeOf(path), "660");
      assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
      assert.equal(await fetchText({ socketPath: path }), "up 1\n");
    }
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test("may have a path as long as the kernel takes, and a name as short as can be", async () => {
    using folder = new TemporaryFolder();
    const parent = join(folder.path, "x".repeat(107 - folder.path.length - 3));
    mkdirSync(parent);
    const path = join(parent, "s");
    assert.equal(path.length, 107);
    await using _ = await serveOn(path);
    assert.equal(await fetchText({ socketPath: path }), "up 1\n");
    assert.deepEqual(readdirSync(parent), ["s"]);
  });

  test("has the mode that is asked for, whatever the umask is, and leaves the umask as it is", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    const umask = process.umask(0o077);
    try {
      await using _ = await serveOn(path, { mode: 0o666 });
      assert.equal(modeOf(path), "666");
      writeFileSync(join(folder.path, "file"), "");
      assert.equal(modeOf(join(folder.path, "file")), "600");
    } finally {
      process.umask(umask);
    }
  });

  test("has the group that is asked for, by name or number", { skip: lacking("root") }, async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    const [, name = "", gid] = /^(\w+):[^:]*:([1-9]\d*):/m.exec(readFileSync("/etc/group", "utf8")) ?? [];
    for (const group of [name, gid!]) {
      await using _ = await serveOn(path, { group });
      assert.equal(statSync(path).gid, Number(gid));
      assert.equal(statSync(path).uid, process.getuid!());
      assert.equal(modeOf(path), "660");
    }
  });

  test("can be given by any user to a group that it is in, and to no other", { skip: lacking("root") }, () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    assert.equal(listenAs(NOBODY, [4242], { path, group: "4242" }), "listening\n");
    assert.equal(statSync(path).gid, 4242);
    assert.equal(
      listenAs(NOBODY, [4242], { path: `${path}2`, group: "4243" }),
      `couldn't listen on unix:${path}2: this user may not give the socket to the group 4243, in which it is not\n`,
    );
    assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
  });

  test("for a group that there is not is an error that names the flag", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    await assert.rejects(
      serveOn(path, { group: "no-such-group" }),
      saying(
        `couldn't listen on unix:${path}: /etc/group has no group no-such-group; ` +
          "give another, or a number, with --web.socket-group",
      ),
    );
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test("that nobody listens on any more is replaced", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    await leaveStaleSocket(path);
    await using _ = await serveOn(path);
    assert.equal(await fetchText({ socketPath: path }), "up 1\n");
    assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
  });

  test("that nobody listens on any more goes to one of two that start at once, and stays with it", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    const args = ["--input-type=module", "-e", LISTEN_AGAIN, "--", path];
    const racers = [0, 1].map(() => {
      const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
      return { child, lines: createInterface(child.stdout)[Symbol.asyncIterator]() };
    });
    const say = async ({ child, lines }: (typeof racers)[0], word: string): Promise<string> => {
      child.stdin.write(`${word}\n`);
      return String((await lines.next()).value);
    };
    try {
      await Promise.all(racers.map((racer) => say(racer, "ready")));
      for (let round = 0; round < 50; round++) {
        await leaveLinkedSocket(path);
        const said = await Promise.all(racers.map((racer) => say(racer, "listen")));
        assert.deepEqual(said.toSorted(), [
          `couldn't listen on unix:${path}: the socket is in use by another process${ADVICE}`,
          "listening",
        ]);
        assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
        const winner = racers[said.indexOf("listening")]!;
        assert.equal(await text(createConnection(path)), `${winner.child.pid}`);
        await say(winner, "end");
        assert.deepEqual(readdirSync(folder.path), []);
      }
    } finally {
      for (const { child } of racers) child.kill("SIGKILL");
    }
  });

  test("is taken from one that was killed while it took it", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    await leaveLinkedSocket(path);
    await leaveLinkedSocket(join(folder.path, `.promtap-${statSync(path).ino}`));
    await using _ = await serveOn(path);
    assert.equal(await fetchText({ socketPath: path }), "up 1\n");
    assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
  });

  test("that another process listens on is an error, and stays", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    await using _ = await serveOn(path);
    await assert.rejects(
      serveOn(path),
      saying(`couldn't listen on unix:${path}: the socket is in use by another process${ADVICE}`),
    );
    assert.equal(await fetchText({ socketPath: path }), "up 1\n");
    assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
  });

  test(
    "that this user may not ask whether it is in use is an error, and stays",
    { skip: lacking("root") },
    async () => {
      using folder = new TemporaryFolder();
      const path = freshPath(folder);
      await leaveStaleSocket(path);
      assert.equal(
        listenAs(NOBODY, [], { path }),
        `couldn't listen on unix:${path}: there is a socket that this user may not connect to${ADVICE}\n`,
      );
      assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
    },
  );

  test("that has taken the place of an earlier one survives the end of that", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    const first = await serveOn(path);
    renameSync(path, `${path}.moved`);
    {
      await using _ = await serveOn(path);
      await first[Symbol.asyncDispose]();
      assert.equal(await fetchText({ socketPath: path }), "up 1\n");
    }
    assert.deepEqual(readdirSync(folder.path), ["promtap.sock.moved"]);
  });

  test("in the place of another file is an error, and the file stays", async () => {
    using folder = new TemporaryFolder();
    const path = freshPath(folder);
    writeFileSync(path, "keep me");
    await assert.rejects(
      serveOn(path),
      saying(`couldn't listen on unix:${path}: there is a file that is not a socket${ADVICE}`),
    );
    assert.equal(readFileSync(path, "utf8"), "keep me");
    assert.deepEqual(readdirSync(folder.path), ["promtap.sock"]);
  });

  test("in a folder that does not exist is an error", async () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "missing", "promtap.sock");
    await assert.rejects(serveOn(path), saying(`couldn't listen on unix:${path}: the folder does not exist${ADVICE}`));
  });

  test("in a folder that this user may not write to is an error", { skip: lacking("root") }, () => {
    using folder = new TemporaryFolder();
    const path = join(folder.path, "promtap.sock");
    chmodSync(folder.path, 0o755);
    assert.equal(
      listenAs(NOBODY, [], { path }),
      `couldn't listen on unix:${path}: this user may not write to the folder${ADVICE}\n`,
    );
  });
});
