import type { CountedUnit } from "../../collectors/status.ts";
import { type Found, LOOKS, type Top, type TopLine } from "../lists/top-list.ts";
import { rateText, sumText, whole } from "../numbers.ts";
import { chart } from "./chart.ts";
import { type Html, html } from "./html.ts";

/** What is largest, a table for each list and each order. */
export function listTables(tops: readonly Top[]): Html {
  return html`${tops.map(
    (top) =>
      html`<section>
        <h2>${capital(top.title)}</h2>
        ${top.bySum.length === 0 ? html`<p>Nothing yet.</p>` : bothTables(top)}
      </section> `,
  )}`;
}

/** The headings are for those who see both at once: without a style, or by ear. */
function bothTables({ title, unit, byRate, bySum }: Top): Html {
  return html`<div class="by-rate">
      <h3>By rate</h3>
      ${byRate.length === 0 ? html`<p>Nothing now.</p>` : table(`${title} by rate`, unit, byRate)}
    </div>
    <div class="by-sum">
      <h3>By sum</h3>
      ${table(`${title} by sum`, unit, bySum)}
    </div>`;
}

/** A field to search by, and what was found; `found` is undefined if too many search at a time. */
export function search(wanted: string, found: readonly Found[] | undefined): Html {
  return html`<search>
      <form action="/" method="get">
        <label for="find">Find an address or a label</label>
        <input type="search" id="find" name="find" maxlength="200" value="${wanted}" />
        <button>Find</button>
      </form>
    </search>
    ${wanted === "" ? "" : results(wanted, found)}`;
}

function results(wanted: string, found: readonly Found[] | undefined): Html {
  if (found === undefined) return html`<p role="status">Others search now: try again in a moment.</p>`;
  if (found.length === 0) return html`<p role="status">Nothing has <bdi>${wanted}</bdi> in its name.</p>`;
  return html`<div class="lists">
    ${found.map(({ title, unit, count, lines }) => {
      const most = count > lines.length ? `, the largest ${lines.length}` : "";
      return html`<section>
        <h2>Found: ${whole(count)} ${title}${most}</h2>
        ${table(`${title} found`, unit, lines)}
      </section> `;
    })}
  </div>`;
}

function table(about: string, unit: CountedUnit, lines: readonly TopLine[]): Html {
  return html`<table aria-label="${about}">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col">Lately</th>
        <th scope="col" class="number">Now</th>
        <th scope="col" class="number">Since the start</th>
      </tr>
    </thead>
    <tbody>
      ${lines.map((line) => row(unit, line))}
    </tbody>
  </table>`;
}

function row(unit: CountedUnit, { name, where, rate, sum, history }: TopLine): Html {
  const about = `${name} lately, now ${rateText(unit, rate)}`;
  return html`<tr>
    <th scope="row"><bdi>${name}</bdi>${where === "" ? "" : html` <small><bdi>${where}</bdi></small>`}</th>
    <td>${chart(history, LOOKS, about)}</td>
    <td class="number">${rateText(unit, rate)}</td>
    <td class="number">${sumText(unit, sum)}</td>
  </tr> `;
}

function capital(title: string): string {
  return title.charAt(0).toUpperCase() + title.slice(1);
}
