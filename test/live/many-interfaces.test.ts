import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { request } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { Namespace } from "../support/namespace.ts";
import { Page } from "../support/page.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { engineOptions } from "../support/requirements.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const MANY = 150;

function names(count = MANY): string[] {
  return Array.from({ length: count }, (_, index) => `many${index}`);
}

/** Runs commands of `ip` in one go, as a host does that starts or ends all its containers. */
function batch(namespace: Namespace, commands: readonly string[]): void {
  namespace.run("sh", "-c", `printf '${commands.join("\\n")}\\n' | ip -batch -`);
}

function addMany(namespace: Namespace): void {
  batch(
    namespace,
    names().map((name) => `link add ${name} up type bridge`),
  );
}

function deleteMany(namespace: Namespace): void {
  batch(namespace, [...names().map((name) => `link set ${name} group 9`), "link delete group 9"]);
}

function captured(page: Page): number {
  return page.sum("promtap_interface_up");
}

/** The page that is served at a socket; undefined if none is. */
async function pageAt(socketPath: string): Promise<Page | undefined> {
  const sent = request({ socketPath, path: "/metrics", agent: false }).end();
  const [response] = await once(sent, "response");
  response.setEncoding("utf8");
  let body = "";
  for await (const chunk of response) body += chunk;
  return response.statusCode === 200 ? new Page(body) : undefined;
}

for (const engine of ["bpf", "tcx", "ring", "pcap"]) {
  const args = ["--engine", engine, "-i", "many*"];
  const options = engineOptions(engine);

  test(
    `engine ${engine} serves the page while many interfaces have yet to be opened, and is ready when they are`,
    options,
    async () => {
      using namespace = new Namespace();
      using folder = new TemporaryFolder();
      addMany(namespace);
      const socket = join(folder.path, "early");
      const starting = RunningPromtap.start(namespace, [...args, "--web.listen-address", `unix:${socket}`]);
      const early = await until("a page is served", () => pageAt(socket));
      await using promtap = await starting;
      assert.ok(captured(early) < MANY, "all were opened before the first page");
      assert.equal(captured(await promtap.page()), MANY);
    },
  );

  test(
    `engine ${engine} takes many interfaces that come at once, and gives all back when they go at once`,
    options,
    async () => {
      using namespace = new Namespace();
      await using promtap = await RunningPromtap.start(namespace, args);
      const descriptors = (): number => readdirSync(`/proc/${promtap.process.pid}/fd`).length;
      const before = descriptors();
      addMany(namespace);
      await promtap.pageWhere("all are captured", (page) => captured(page) === MANY);
      assert.ok(descriptors() > before + MANY - 10);
      deleteMany(namespace);
      await promtap.pageWhere("none is captured", (page) => captured(page) === 0);
      // What all programs share in the kernel stays.
      await until("their descriptors are given back", () => descriptors() < before + 10);
      assert.equal((await promtap.stop()).status, 0);
    },
  );
}
