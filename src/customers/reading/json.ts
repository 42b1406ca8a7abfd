import { eachLine, type Pieces, textsOf } from "./lines.ts";
import { ElementCutter } from "./element-cutter.ts";
import { ListFault, type PrefixSink, type Refusal } from "./prefix-sink.ts";

/** Keys of an element of texporter's --ip-ranges-filename. */
const TEXPORTER = { name: "name", networks: ["ipv4", "ipv6"] } as const;
const FORM = 'legal is an object such as {"prefix": "192.0.2.0/24", "customer": "a"}';

type JsonObject = Readonly<Record<string, unknown>>;

/** Reads an array of objects, or the ranges of texporter: objects with `name`, `ipv4` and `ipv6`. */
export async function readJson(pieces: Pieces, sink: PrefixSink, refuse: Refusal): Promise<void> {
  const cutter = new ElementCutter((text, line) => takeElement(text, line, sink, refuse));
  for await (const text of textsOf(pieces)) cutter.push(text);
  cutter.end();
}

/** Reads an object in each line. */
export async function readJsonLines(pieces: Pieces, sink: PrefixSink, refuse: Refusal): Promise<void> {
  await eachLine(pieces, (line, number) => {
    if (line.trim() !== "") takeElement(line, number, sink, refuse);
  });
}

function takeElement(text: string, line: number, sink: PrefixSink, refuse: Refusal): void {
  const element = parsed(text);
  if (element instanceof ListFault) {
    refuse(line, element.message);
  } else if (TEXPORTER.networks.some((key) => Object.hasOwn(element, key))) {
    takeNamed(element, text, line, sink, refuse);
  } else {
    const fault = addObject(element, line, sink);
    if (fault !== undefined) refuse(line, fault);
  }
}

function parsed(text: string): JsonObject | ListFault {
  try {
    const element: unknown = JSON.parse(text);
    if (typeof element === "object" && element !== null && !Array.isArray(element)) return element as JsonObject;
  } catch {
    return new ListFault(0, `it is no JSON; ${FORM}`);
  }
  return new ListFault(0, `it is no object; ${FORM}`);
}

function addObject({ prefix, ...labels }: JsonObject, line: number, sink: PrefixSink): string | undefined {
  if (typeof prefix !== "string") return `it has no text in "prefix"; ${FORM}`;
  const values: string[] = [];
  for (const [name, value] of Object.entries(labels)) {
    const index = sink.label(name);
    if (typeof index === "string") return index;
    const text = textOf(value);
    if (text === undefined) return `the label ${JSON.stringify(name)} is no text; ${FORM}`;
    while (values.length <= index) values.push("");
    values[index] = text;
  }
  return sink.add(prefix, values, line);
}

/** Numbers and truth are texts to Prometheus; what there is not is no label. Of a large number, JSON has lost digits. */
function textOf(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === null) return "";
  if (typeof value === "boolean") return String(value);
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? undefined : String(value);
}

/** All networks of a name. */
function takeNamed(element: JsonObject, text: string, line: number, sink: PrefixSink, refuse: Refusal): void {
  const { name } = element;
  const label = sink.label(TEXPORTER.name);
  if (typeof name !== "string" || typeof label === "string") {
    refuse(line, 'it has networks but no text in "name"; legal is {"name": "a", "ipv4": ["192.0.2.0/24"]}');
    return;
  }
  const values: string[] = Array.from({ length: label }, () => "");
  values.push(name);
  const lineOf = lineFinder(text, line);
  for (const key of TEXPORTER.networks) {
    const networks = element[key] ?? [];
    if (!Array.isArray(networks)) {
      refuse(line, `"${key}" is no list of networks`);
      continue;
    }
    for (const network of networks as unknown[]) {
      const at = lineOf(network);
      const fault = typeof network === "string" ? sink.add(network, values, at) : "a network is no text";
      if (fault !== undefined) refuse(at, fault);
    }
  }
}

/** Finds the lines that values stand in, if asked in their order. */
function lineFinder(text: string, first: number): (value: unknown) => number {
  let [offset, line] = [0, first];
  return (value) => {
    const found = text.indexOf(JSON.stringify(value) ?? "", offset);
    // Written with escapes, or out of order.
    if (found < 0) return line;
    for (let at = text.indexOf("\n", offset); at >= 0 && at < found; at = text.indexOf("\n", at + 1)) line++;
    offset = found;
    return line;
  };
}
