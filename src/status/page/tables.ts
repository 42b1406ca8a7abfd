import type { CollectorState } from "../../collectors/collector.ts";
import type { Limit } from "../../collectors/status.ts";
import { duration, whole } from "../numbers.ts";
import type { DatabaseAge } from "../snapshot.ts";
import { type Html, html } from "./html.ts";

/** From here on a limit is marked. */
const NEARLY = 0.95;

export function collectorTable(collectors: readonly CollectorState[], at: Date): Html {
  return html`<h2 id="collectors-title">Collectors</h2>
    <table aria-labelledby="collectors-title">
      <thead>
        <tr>
          <th scope="col">Collector</th>
          <th scope="col">State</th>
          <th scope="col" class="number">Last page</th>
        </tr>
      </thead>
      <tbody>
        ${collectors.map((state) => collector(state, at))}
      </tbody>
    </table>`;
}

function collector({ name, seconds, error, lastFailure }: CollectorState, at: Date): Html {
  const failed = lastFailure && `works; failed ${ago(lastFailure.at.getTime() / 1000, at)}: ${lastFailure.error}`;
  const works = failed ?? (seconds === undefined ? "not asked yet" : "works");
  return html`<tr>
    <th scope="row">${name}</th>
    <td>${error ?? works}</td>
    <td class="number">${seconds === undefined ? "–" : duration(seconds)}</td>
  </tr> `;
}

export function limitTable(limits: readonly Limit[]): Html {
  return html`<h2 id="limits-title">Limits</h2>
    <table aria-labelledby="limits-title">
      <thead>
        <tr>
          <th scope="col">Limit of</th>
          <th scope="col">Full</th>
          <th scope="col" class="number">Used</th>
          <th scope="col" class="number">Limit</th>
        </tr>
      </thead>
      <tbody>
        ${limits.map(limit)}
      </tbody>
    </table>`;
}

function limit({ name, used, limit: most }: Limit): Html {
  const about = `${used} of ${most} ${name}`;
  return html`<tr>
    <th scope="row">${name}</th>
    <td>
      <meter min="0" max="${most}" high="${Math.floor(most * NEARLY)}" value="${used}" aria-label="${about}"></meter>
    </td>
    <td class="number">${whole(used)}</td>
    <td class="number">${whole(most)}</td>
  </tr> `;
}

export function isNearlyFull({ used, limit: most }: Limit): boolean {
  return most > 0 && used > most * NEARLY;
}

/** The databases of addresses; nothing if there is none. */
export function databaseTable(databases: readonly DatabaseAge[], at: Date): Html {
  if (databases.length === 0) return html``;
  return html`<h2 id="databases-title">Databases</h2>
    <table aria-labelledby="databases-title">
      <thead>
        <tr>
          <th scope="col">Database</th>
          <th scope="col">State</th>
          <th scope="col" class="number">Built</th>
        </tr>
      </thead>
      <tbody>
        ${databases.map(
          ({ name, builtAt, isCurrent }) =>
            html`<tr>
              <th scope="row"><bdi>${name}</bdi></th>
              <td>${isCurrent ? "current" : "its file can't be used now"}</td>
              <td class="number">${ago(builtAt, at)}</td>
            </tr> `,
        )}
      </tbody>
    </table>`;
}

/** `seconds`: since the epoch. */
function ago(seconds: number, at: Date): string {
  return `${duration(Math.max(at.getTime() / 1000 - seconds, 0))} ago`;
}
