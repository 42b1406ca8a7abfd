import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import axe from "axe-core";
import { type Browser, chromium, type Page } from "playwright-core";
import { ipv4Frame, PROTOCOL_TCP } from "../support/frames.ts";
import { Namespace } from "../support/namespace.ts";
import { RunningPromtap } from "../support/promtap.ts";
import { liveOptions } from "../support/requirements.ts";
import { send } from "../support/sender.ts";
import { TemporaryFolder } from "../support/temporary-folder.ts";
import { until } from "../support/waiting.ts";

const options = { ...liveOptions("chromium"), timeout: 120_000 };
const URL = "http://127.0.0.1:9112/";
const FRAME = ipv4Frame({ source: "10.0.0.1", destination: "10.0.0.2", protocol: PROTOCOL_TCP, lengthBytes: 1000 });
/** Markup, and what turns the direction of text. */
const HOSTILE = `<img src=x onerror="document.title='run'">\u202e&amp;`;
const HOSTILE_INTERFACE = "<b>x&amp;<b>";
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const THEMES = ["light", "dark"] as const;
/** In CSS pixels: a small telephone, a laptop, a wall of 4k. */
const WIDTHS = [320, 1280, 3840];

/** Chromium in a namespace. */
async function launch(namespace: Namespace, folder: TemporaryFolder): Promise<Browser> {
  const program = join(folder.path, "chromium");
  writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${namespace.name} chromium "$@"\n`, { mode: 0o755 });
  return chromium.launch({ executablePath: program, args: ["--no-sandbox"] });
}

/** What goes wrong in a page from now on: errors, and requests that go elsewhere. */
function faultsOf(page: Page): string[] {
  const faults: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) faults.push(message.text());
  });
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("request", (request) => {
    if (!request.url().startsWith(URL) && !request.url().startsWith("data:")) faults.push(request.url());
  });
  return faults;
}

/** Waits until a condition holds in the page, in JavaScript. */
async function becomes(page: Page, condition: string): Promise<void> {
  await until(condition, () => page.evaluate<boolean>(condition));
}

async function assertAccessible(page: Page, where: string): Promise<void> {
  const options = JSON.stringify({ runOnly: RULES });
  const { violations } = await page.evaluate<axe.AxeResults>(`${axe.source}; axe.run(document, ${options})`);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  assert.deepEqual(found, [], where);
}

test(
  "a browser shows the status live, in every width and theme, to all people, and runs nothing that names hold",
  options,
  async () => {
    using namespace = new Namespace();
    using folder = new TemporaryFolder();
    namespace.addVeth("veth0", "veth1");
    namespace.ip("link", "set", "veth0", "down", "name", HOSTILE_INTERFACE);
    namespace.ip("link", "set", HOSTILE_INTERFACE, "up");
    const list = join(folder.path, "list.json");
    writeFileSync(list, JSON.stringify([{ prefix: "10.0.0.0/31", customer: HOSTILE }]));
    const flags = ["-i", HOSTILE_INTERFACE, "-r", "10.0.0.0/24", "--range-file", list];
    await using _promtap = await RunningPromtap.start(namespace, [...flags, "--web.listen-address", "127.0.0.1:9112"]);
    const browser = await launch(namespace, folder);
    try {
      const page = await browser.newPage();
      const faults = faultsOf(page);
      await page.goto(URL);
      await becomes(page, `document.getElementById("liveness").textContent === "live"`);
      await becomes(
        page,
        `document.querySelector("#interfaces polyline")?.getAttribute("points").includes(" ") === true`,
      );
      const points = `document.querySelector("#interfaces polyline").getAttribute("points")`;
      const before = JSON.stringify(await page.evaluate(points));
      await send(namespace, "veth1", [FRAME], { count: 500 });
      await becomes(page, `${points} !== ${before}`);
      await page.locator("#by-sum").check();
      await becomes(page, `document.getElementById("lists").innerText.includes("500 kB")`);
      await becomes(page, `document.getElementById("lists").innerText.includes("Customers")`);

      const text = (await page.locator("main").innerText()).replaceAll("\n", " ");
      assert.ok(text.includes(HOSTILE_INTERFACE), text);
      assert.ok(text.includes(HOSTILE.replace("\u202e", String.raw`\u{202e}`)), text);
      assert.equal(await page.locator("main :is(img, b, i, script)").count(), 0);
      assert.equal(await page.title(), "promtap");

      const grounds = new Set<string>();
      for (const colorScheme of THEMES) {
        await page.emulateMedia({ colorScheme });
        grounds.add(await page.evaluate<string>("getComputedStyle(document.body).backgroundColor"));
        for (const width of WIDTHS) {
          await page.setViewportSize({ width, height: 900 });
          const isWider = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
          assert.equal(await page.evaluate(isWider), false, `${width} scrolls`);
        }
        await assertAccessible(page, colorScheme);
      }
      assert.equal(grounds.size, THEMES.length);
      await page.setViewportSize({ width: 320, height: 900 });
      await assertAccessible(page, "narrow");

      await page.locator("#find").fill("10.0.0.2");
      await page.keyboard.press("Enter");
      await page.waitForURL(`${URL}?find=10.0.0.2`);
      assert.equal(await page.getByText("Found: 1 addresses").count(), 1);
      assert.deepEqual(faults, []);

      const context = await browser.newContext({ javaScriptEnabled: false });
      const still = await context.newPage();
      await still.goto(URL);
      await still.locator("#by-sum").check();
      const shown = await still.locator("body").innerText();
      assert.match(shown, /as it was when the page was loaded[^]* UTC[^]*10\.0\.0\.2/);
    } finally {
      await browser.close();
    }
  },
);
