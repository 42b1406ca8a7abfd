import assert from "node:assert/strict";
import { test } from "node:test";
import { landingPage } from "../../src/page/landing.ts";

test("the landing page has version, engine, interfaces and links", () => {
  const taps = [
    { name: "eth0", isUp: true },
    { name: "wg0", isUp: false },
  ];
  const page = landingPage("/metrics", "1.2.3", "ring", taps);
  assert.match(page, /Version: 1\.2\.3/);
  assert.match(page, /Engine: ring/);
  assert.match(page, /<li>eth0<\/li>\n<li>wg0 \(down\)<\/li>/);
  for (const path of ["/metrics", "/-/healthy", "/-/ready"]) assert.ok(page.includes(`href="${path}"`));
});

test("the landing page has no list when nothing is captured", () => {
  assert.doesNotMatch(landingPage("/metrics", "1.2.3", "savefile", []), /Interfaces/);
});

test("what the landing page shows is text, whatever it is", () => {
  const hostile = `<script>alert("1" & '2')</script>`;
  const page = landingPage(`/"${hostile}`, hostile, hostile, [{ name: hostile, isUp: true }]);
  assert.ok(!page.includes("<script"));
  assert.ok(!page.includes('="/"'));
  assert.ok(page.includes("<li>&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)&#60;/script&#62;</li>"));
});
