import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeHtml, html } from "../../../src/status/page/html.ts";

test("what is filled in is text, in elements and in attributes", () => {
  const hostile = `<img src=x onerror="alert('1')">&amp;`;
  const { text } = html`<p title="${hostile}">${hostile}${html`<b>${1}</b>`}${[html`<i></i>`, html`<u></u>`]}</p>`;
  const escaped = "&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;amp;";
  assert.equal(text, `<p title="${escaped}">${escaped}<b>1</b><i></i><u></u></p>`);
});

test("no text turns what stands around it, or hides in it", () => {
  assert.equal(
    escapeHtml("a\u202eb\u0000c\u200fd\ud800\u061c\u2066é中🙂"),
    String.raw`a\u{202e}b\u{0}c\u{200f}d\u{d800}\u{61c}\u{2066}é中🙂`,
  );
});

test("any text has no character that begins or ends markup", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      assert.doesNotMatch(escapeHtml(value), /[<>"']|&(?!#\d+;)/);
    }),
  );
});
