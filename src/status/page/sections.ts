import { bitRate, duration, packetRate, whole } from "../numbers.ts";
import { shownTo, type Snapshot, type View } from "../snapshot.ts";
import { type Html, html } from "./html.ts";
import { interfaceTable } from "./interfaces.ts";
import { listTables } from "./lists.ts";
import { collectorTable, databaseTable, isNearlyFull, limitTable } from "./tables.ts";

/** Id of an element → what is in it. */
export type Sections = ReadonlyMap<string, string>;

/** Names that are given as examples. */
const FEW = 5;

/** What changes on the page, for all that look at it alike. */
export function sectionsOf(snapshot: Snapshot, view: View): Sections {
  const shown = shownTo(snapshot, view);
  const { collectors, databases, limits, tops, at } = shown;
  const parts: [id: string, body: Html][] = [
    ["now", now(shown)],
    ["troubles", troubles(shown)],
    ["interfaces", interfaceTable(shown)],
    ["lists", listTables(tops)],
    ["collectors", collectorTable(collectors, at)],
    ["limits", limitTable(limits)],
    ["databases", databaseTable(databases, at)],
  ];
  return new Map(parts.map(([id, { text }]) => [id, text]));
}

function now({ at, uptimeSeconds, engine, isCounted, interfaces, configuration }: Snapshot): Html {
  const sum = (of: "bytes" | "packets"): number | undefined => {
    const rates = interfaces.flatMap(({ rate }) => rate[of] ?? []);
    return rates.length === 0 ? undefined : rates.reduce((total, each) => total + each, 0);
  };
  const lost = interfaces.reduce((total, { tap }) => total + tap.lostPackets, 0);
  const figures: [name: string, value: string][] = [
    ...(isCounted
      ? ([
          ["Traffic", sum("bytes") === undefined ? "–" : bitRate(sum("bytes")!)],
          ["Packets", sum("packets") === undefined ? "–" : packetRate(sum("packets")!)],
          ["Lost since the start", whole(lost)],
          ["Engine", engine],
        ] as [string, string][])
      : []),
    ["Running for", duration(uptimeSeconds)],
    ...(configuration === undefined
      ? []
      : ([["Configured", `${duration(at.getTime() / 1000 - configuration.succeededAt)} ago`]] as [string, string][])),
    ["As of", `${at.toISOString().slice(0, 19).replace("T", " ")} UTC`],
  ];
  return html`${figures.map(
    ([name, value]) =>
      html`<div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div> `,
  )}`;
}

/** What is wrong, in sentences; nothing if all is well. */
function troubles({ interfaces, collectors, limits, databases, configuration, refusals }: Snapshot): Html {
  const down = interfaces.filter(({ tap }) => !tap.isUp).map(({ tap }) => tap.name);
  const sentences = [
    ...(down.length === 0
      ? []
      : [`${down.length === 1 ? "An interface is" : `${down.length} interfaces are`} down: ${few(down)}.`]),
    ...collectors.flatMap(({ name, error }) => (error === undefined ? [] : [`The collector ${name} fails: ${error}`])),
    ...limits.filter(isNearlyFull).map(({ name }) => `The limit of ${name} is nearly reached.`),
    ...databases
      .filter(({ isCurrent }) => !isCurrent)
      .map(({ name }) => `The file of ${name} can't be used as it is now; the log says why.`),
    ...(configuration?.isSuccessful === false
      ? ["The configuration was refused when it was last read; the log says why."]
      : []),
    ...refusals.map((refusal) => `Not in use: ${refusal}`),
  ];
  return html`${sentences.map((sentence) => html`<li>${sentence}</li>`)}`;
}

function few(names: readonly string[]): string {
  const some = names.slice(0, FEW).join(", ");
  return names.length > FEW ? `${some} and ${names.length - FEW} more` : some;
}
