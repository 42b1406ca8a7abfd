import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fetchJars, repositoryOf } from "../../scripts/kafka.ts";
import { lacking } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";

const CONTENT = "not much of a jar";
const SHA512 = createHash("sha512").update(CONTENT).digest("hex");
const JAR = "org.example.deep:thing:1.2";
const options = { skip: lacking("curl") };

/** A server of its own process, which resets its first connection, and prints its port. */
const RESETTING_SERVER = `
  let isFirst = true;
  const server = require("node:http").createServer((request, response) => {
    if (isFirst) request.socket.resetAndDestroy();
    else response.end(${JSON.stringify(CONTENT)});
    isFirst = false;
  });
  server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

/** A repository on disk that holds one jar. */
class Repository extends TemporaryFolder {
  readonly url = `file://${this.path}`;
  readonly cache = join(this.path, "cache");

  constructor() {
    super();
    const folder = join(this.path, "org/example/deep/thing/1.2");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "thing-1.2.jar"), CONTENT);
  }
}

describe("fetching jars", () => {
  test("gives a jar its name when it is the one that was pinned", options, () => {
    using repository = new Repository();
    fetchJars({ [JAR]: SHA512 }, repository.url, repository.cache);
    assert.deepEqual(readdirSync(repository.cache), ["thing-1.2.jar"]);
    assert.equal(readFileSync(join(repository.cache, "thing-1.2.jar"), "utf8"), CONTENT);
  });

  test("refuses another jar, and leaves nothing of it", options, () => {
    using repository = new Repository();
    const other = SHA512.replaceAll("a", "b");
    assert.throws(() => fetchJars({ [JAR]: other }, repository.url, repository.cache), /thing:1\.2 is not the jar/);
    assert.deepEqual(readdirSync(repository.cache), []);
  });

  test("says so if the repository has no such jar", options, () => {
    using repository = new Repository();
    const lists: Record<string, string>[] = [{ "a:b:1": SHA512 }, { "a:b:1": SHA512, [JAR]: SHA512 }];
    for (const wanted of lists) {
      assert.throws(
        () => fetchJars(wanted, repository.url, repository.cache),
        /^Error: (curl: |the repository has no)/,
      );
    }
  });

  test("tries again when a connection is reset", options, async () => {
    using folder = new TemporaryFolder();
    const server = spawn(process.execPath, ["--eval", RESETTING_SERVER], { stdio: ["ignore", "pipe", "inherit"] });
    try {
      const [port] = await once(server.stdout, "data");
      fetchJars({ [JAR]: SHA512 }, `http://127.0.0.1:${String(port).trim()}`, folder.path);
      assert.deepEqual(readdirSync(folder.path), ["thing-1.2.jar"]);
    } finally {
      server.kill();
    }
  });

  test("asks for nothing when all is there", options, () => {
    using repository = new Repository();
    fetchJars({ [JAR]: SHA512 }, repository.url, repository.cache);
    fetchJars({ [JAR]: SHA512 }, "file:///nowhere", repository.cache);
  });
});

describe("Maven's settings", () => {
  const mirror = (mirrorOf: string, more = ""): string =>
    `<settings><mirrors><mirror>
      <id>near</id> <mirrorOf>${mirrorOf}</mirrorOf> <url> https://near.example/maven/ </url>${more}
    </mirror></mirrors></settings>`;

  test("name a mirror of Central in any of their ways", () => {
    for (const names of ["central", "*", "external:*", "other,central", "*,!other"]) {
      assert.equal(repositoryOf(mirror(names)), "https://near.example/maven", names);
    }
  });

  test("leave Central itself if no mirror is one of it", () => {
    for (const names of ["other", "*,!central", "external:http:*"]) {
      assert.equal(repositoryOf(mirror(names)), "https://repo.maven.apache.org/maven2", names);
    }
    assert.equal(repositoryOf(mirror("*", "<blocked>true</blocked>")), "https://repo.maven.apache.org/maven2");
    assert.equal(repositoryOf(`<!-- ${mirror("*")} -->`), "https://repo.maven.apache.org/maven2");
    assert.equal(repositoryOf(""), "https://repo.maven.apache.org/maven2");
  });
});
