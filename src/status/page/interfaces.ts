import { HISTORY } from "../interface-meter.ts";
import { bitRate, packetRate, whole } from "../numbers.ts";
import type { Snapshot } from "../snapshot.ts";
import { chart } from "./chart.ts";
import { type Html, html } from "./html.ts";

/** Interfaces that have a line of their own: those that carry most. */
const MAX_INTERFACES = 20;

/** The interfaces that carry most; nothing if no traffic is counted. */
export function interfaceTable({ interfaces, isCounted }: Snapshot): Html {
  if (!isCounted) return html``;
  const sorted = interfaces.toSorted((a, b) => (b.rate.bytes ?? 0) - (a.rate.bytes ?? 0));
  const rest = interfaces.length - MAX_INTERFACES;
  return html`<h2 id="interfaces-title">Interfaces</h2>
    <table aria-labelledby="interfaces-title">
      <thead>
        <tr>
          <th scope="col">Interface</th>
          <th scope="col">State</th>
          <th scope="col">Kind</th>
          <th scope="col">Last minute</th>
          <th scope="col" class="number">Traffic</th>
          <th scope="col" class="number">Packets</th>
          <th scope="col" class="number">Lost</th>
        </tr>
      </thead>
      <tbody>
        ${sorted.slice(0, MAX_INTERFACES).map(row)}
      </tbody>
    </table>
    ${rest > 0 ? html`<p>${whole(rest)} more that carry less.</p>` : ""}${
      interfaces.length === 0 ? html`<p>None yet.</p>` : ""
    }`;
}

function row({ tap, rate }: Snapshot["interfaces"][number]): Html {
  const traffic = rate.bytes === undefined ? "–" : bitRate(rate.bytes);
  const about = `Traffic of ${tap.name} in the last minute, now ${traffic}`;
  return html`<tr>
    <th scope="row"><bdi>${tap.name}</bdi></th>
    <td>${tap.isUp ? "up" : "down"}</td>
    <td>${tap.position?.kind ?? ""}</td>
    <td>${chart(rate.history, HISTORY, about)}</td>
    <td class="number">${traffic}</td>
    <td class="number">${rate.packets === undefined ? "–" : packetRate(rate.packets)}</td>
    <td class="number lost">${whole(tap.lostPackets)}</td>
  </tr> `;
}
