import type { PromtapError } from "../../errors.ts";
import type { Flag } from "../flag.ts";
import type { FileText, MappingNode, Node, Position } from "./tree.ts";

/** What takes the items of zones. */
interface ZoneTaker {
  add(name: string, text: FileText): void;
  judge(flag: Flag, text: FileText, name: string): void;
  fault(at: Position, why: string): PromtapError;
}

const EXAMPLE = "write zones: {peering: [AS64500, 192.0.2.0/24]}";

/** Reads the names and lists of `zones`, as texts of their flag: one for each item, so that each has its place. */
export function readZones(node: Node, flag: Flag, taker: ZoneTaker): void {
  if (node.kind !== "mapping") throw taker.fault(node, `zones is no mapping of names to lists; ${EXAMPLE}`);
  for (const entry of node.entries) readZone(entry, flag, taker);
}

function readZone({ at, key, value }: MappingNode["entries"][number], flag: Flag, taker: ZoneTaker): void {
  const name = JSON.stringify(key);
  if (key.includes("=")) throw taker.fault(at, `the name of zone ${name} has a =; legal is any other name`);
  const items = value.kind === "list" ? value.items : [value];
  if (items.length === 0) throw taker.fault(value, `the zone ${name} is empty; ${EXAMPLE}`);
  for (const item of items) {
    if (item.kind !== "text" || item.text === "") {
      throw taker.fault(item, `this is no item of a zone; ${EXAMPLE}`);
    }
    const text = { line: item.line, column: item.column, text: `${key}=${item.text}` };
    taker.judge(flag, text, "zones");
    taker.add(flag.name, text);
  }
}
