import { resolve } from "node:path";
import { parseZone } from "../customers/zone-items.ts";
import { type Flag, type GivenFlags, isPath } from "../flag.ts";
import { type InlinePrefix, parsePrefixList } from "../prefix-lists.ts";

/** What no reader of YAML takes for anything but a text or a number; all else is quoted, as JSON is. */
const PLAIN = /^(?!(?:true|false|null|yes|no|on|off|y|n)$)[A-Za-z0-9/][A-Za-z0-9._/+-]*$/i;

const ZONES = "zones";

interface Tree {
  [name: string]: Tree | string[];
}

/** The configuration in force as YAML, which reads back as the same. `prefixes`: those of the file itself. */
export function writeYaml(flags: readonly Flag[], given: GivenFlags, prefixes: readonly InlinePrefix[]): string {
  const root: Tree = {};
  for (const flag of flags) {
    const texts = given.get(flag.name);
    if (texts === undefined || flag.key === undefined || flag.key.startsWith("ranges") || flag.key === ZONES) continue;
    placeAt(root, flag.key.split("."), linesOf(flag, texts));
  }
  const ranges = rangeLines(given, prefixes);
  if (ranges.length > 0) root["ranges"] = ["", ...ranges];
  const zones = zoneLines(given);
  if (zones.length > 0) root[ZONES] = ["", ...zones];
  return write(root, "");
}

function placeAt(tree: Tree, [name = "", ...rest]: readonly string[], lines: string[]): void {
  if (rest.length === 0) {
    tree[name] = lines;
    return;
  }
  const below = (tree[name] ??= {});
  if (!Array.isArray(below)) placeAt(below, rest, lines);
}

/** What stands behind a key, and the lines below it. */
function linesOf(flag: Flag, texts: readonly string[]): string[] {
  if (flag.value === undefined) return [" true"];
  const scalars = texts.map((text) => scalar(isPath(flag, text) ? absolute(text) : text));
  return flag.isList === true ? ["", ...scalars.map((text) => `- ${text}`)] : [` ${scalars.at(-1)!}`];
}

function rangeLines(given: GivenFlags, prefixes: readonly InlinePrefix[]): string[] {
  const files = (given.get("range-file") ?? []).map((text) => parsePrefixList(text, "--range-file"));
  return [
    ...(given.get("range") ?? []).map((text) => `- ${scalar(text)}`),
    ...prefixes.map(({ prefix, labels, series }) => {
      const pairs = Object.entries(labels).map(([name, value]) => `${name}: ${scalar(value)}`);
      return `- {prefix: ${scalar(prefix)}, labels: {${pairs.join(", ")}}, series: ${series}}`;
    }),
    ...files.map(({ path, series, format }) => {
      const rest = format === null ? "" : `, format: ${format}`;
      return `- {file: ${scalar(absolute(path))}, series: ${series}${rest}}`;
    }),
  ];
}

/** By name, whatever the order in which the items were given. */
function zoneLines(given: GivenFlags): string[] {
  const items = (given.get("zone") ?? []).flatMap((text) => parseZone(text, "--zone"));
  return [...Map.groupBy(items, ({ zone }) => zone)].map(
    ([zone, all]) => `${scalar(zone)}: [${all.map(({ text }) => scalar(text)).join(", ")}]`,
  );
}

/** Not if the folder that it is relative to is gone. */
function absolute(path: string): string {
  try {
    return resolve(path);
  } catch {
    return path;
  }
}

function write(tree: Tree, indent: string): string {
  return Object.entries(tree)
    .map(([name, value]) => {
      if (!Array.isArray(value)) return `${indent}${name}:\n${write(value, `${indent}  `)}`;
      const [first = "", ...lines] = value;
      return [`${indent}${name}:${first}`, ...lines.map((line) => `${indent}  ${line}`), ""].join("\n");
    })
    .join("");
}

function scalar(text: string): string {
  if (PLAIN.test(text)) return text;
  return JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff\ufffd]/g, escaped);
}

/** What YAML counts as a break, or does not print, and what stands for bytes that are no UTF-8. */
function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
