import { chart } from "./chart.ts";
import { type Html, html } from "./html.ts";
import { HISTORY } from "./interface-meter.ts";
import { bitRate, bytes, duration, packetRate, whole } from "./numbers.ts";
import { type CollectorState, type Limit, type NamedTop, type Snapshot, topsFor, type View } from "./snapshot.ts";
import type { TopLine } from "./tops.ts";

/** Id of an element → what is in it. */
export type Sections = ReadonlyMap<string, string>;

/** Interfaces that have a line of their own: those that carry most. */
const MAX_INTERFACES = 20;
const NONE = "–";
/** From here on a limit is marked. */
const NEARLY = 0.95;

/** What changes on the page, for all that look at it alike. */
export function sectionsOf(snapshot: Snapshot, view: View): Sections {
  const parts: [id: string, body: Html][] = [
    ["now", now(snapshot)],
    ["troubles", troubles(snapshot)],
    ["interfaces", interfaces(snapshot)],
    ["tops", html`${topsFor(snapshot, view).map(top)}`],
    ["collectors", html`${snapshot.collectors.map(collector)}`],
    ["limits", html`${snapshot.limits.map(limit)}`],
  ];
  return new Map(parts.map(([id, { text }]) => [id, text]));
}

function now({ at, uptimeSeconds, engine, interfaces: all }: Snapshot): Html {
  const sum = (of: "bytes" | "packets"): number | undefined => {
    const rates = all.flatMap(({ rate }) => rate[of] ?? []);
    return rates.length === 0 ? undefined : rates.reduce((total, each) => total + each, 0);
  };
  const lost = all.reduce((total, { tap }) => total + tap.lostPackets, 0);
  return html`${figure("Traffic", shown(sum("bytes"), bitRate))} ${figure("Packets", shown(sum("packets"), packetRate))}
  ${figure("Lost since the start", whole(lost))} ${figure("Engine", engine)}
  ${figure("Running for", duration(uptimeSeconds))}
  ${figure("As of", `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`)}`;
}

function figure(name: string, value: string): Html {
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function shown(value: number | undefined, as: (value: number) => string): string {
  return value === undefined ? NONE : as(value);
}

/** What is wrong, in sentences; nothing if all is well. */
function troubles({ interfaces: all, collectors, limits, configuration, refusals }: Snapshot): Html {
  const down = all.filter(({ tap }) => !tap.isUp).map(({ tap }) => tap.name);
  const sentences = [
    ...(down.length === 0
      ? []
      : [`${down.length === 1 ? "An interface is" : `${down.length} interfaces are`} down: ${few(down)}.`]),
    ...collectors.flatMap(({ name, error }) => (error === undefined ? [] : [`The collector ${name} fails: ${error}`])),
    ...limits.filter(isNearlyFull).map(({ name }) => `The limit of ${name} is nearly reached.`),
    ...(configuration?.isSuccessful === false
      ? ["The configuration was refused when it was last read; the log says why."]
      : []),
    ...refusals.map((refusal) => `Not in use: ${refusal}`),
  ];
  return html`${sentences.map((sentence) => html`<li>${sentence}</li>`)}`;
}

function few(names: readonly string[]): string {
  const some = names.slice(0, 5).join(", ");
  return names.length > 5 ? `${some} and ${names.length - 5} more` : some;
}

function interfaces({ interfaces: all }: Snapshot): Html {
  const sorted = all.toSorted((a, b) => (b.rate.bytes ?? 0) - (a.rate.bytes ?? 0));
  const rows = sorted.slice(0, MAX_INTERFACES).map(({ tap, rate }) => {
    const { name, isUp, lostPackets, position } = tap;
    const about = `Traffic of ${name} in the last minute, now ${shown(rate.bytes, bitRate)}`;
    return html`<tr>
      <th scope="row"><bdi>${name}</bdi></th>
      <td>${isUp ? "up" : "down"}</td>
      <td>${position?.kind ?? ""}</td>
      <td>${chart(rate.history, HISTORY, about)}</td>
      <td class="number">${shown(rate.bytes, bitRate)}</td>
      <td class="number">${shown(rate.packets, packetRate)}</td>
      <td class="number">${whole(lostPackets)}</td>
    </tr> `;
  });
  const rest = all.length - rows.length;
  return html`${rows}${
    rest > 0
      ? html`<tr>
          <td colspan="7">${whole(rest)} more that carry less.</td>
        </tr>`
      : ""
  }`;
}

function collector({ name, seconds, error }: CollectorState): Html {
  return html`<tr>
    <th scope="row">${name}</th>
    <td class="number">${shown(seconds, duration)}</td>
    <td>${error ?? (seconds === undefined ? "not asked yet" : "works")}</td>
  </tr> `;
}

function limit({ name, used, limit: most }: Limit): Html {
  return html`<tr>
    <th scope="row">${name}</th>
    <td><meter min="0" max="${most}" high="${Math.floor(most * NEARLY)}" value="${used}">${used} of ${most}</meter></td>
    <td class="number">${whole(used)}</td>
    <td class="number">${whole(most)}</td>
  </tr> `;
}

function isNearlyFull({ used, limit: most }: Limit): boolean {
  return most > 0 && used > most * NEARLY;
}

function top({ title, top: { byRate, bySum } }: NamedTop): Html {
  return html`<section>
    <h2>${title.charAt(0).toUpperCase()}${title.slice(1)}</h2>
    ${topTable(`${title} by rate`, "rate", byRate)}${topTable(`${title} by sum`, "sum", bySum)}
  </section> `;
}

function topTable(caption: string, by: "rate" | "sum", lines: readonly TopLine[]): Html {
  const nothing = html`<tr>
    <td colspan="3">Nothing yet.</td>
  </tr>`;
  return html`<table class="by-${by}" aria-label="${caption}">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col" class="number">Now</th>
        <th scope="col" class="number">Since the start</th>
      </tr>
    </thead>
    <tbody>
      ${lines.length === 0 ? nothing : lines.map(topRow)}
    </tbody>
  </table>`;
}

function topRow({ name, interfaceName, rate, sum }: TopLine): Html {
  const where = interfaceName === "" ? "" : html` <small>${interfaceName}</small>`;
  return html`<tr>
    <th scope="row"><bdi>${name}</bdi>${where}</th>
    <td class="number">${bitRate(rate)}</td>
    <td class="number">${bytes(sum)}</td>
  </tr> `;
}
