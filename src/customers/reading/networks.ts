import { eachLine, type Pieces } from "./lines.ts";
import type { PrefixSink, Refusal } from "./prefix-sink.ts";

/** What stands before a network, from the nearest one; `asn` may have the AS of the peer before it: 64512_65500. */
const LABELS = ["asn", "next_hop", "label"];
const PEER = "peer_asn";

/** Reads the networks_file of pmacct: [LABEL,][NEXT HOP,][[PEER AS_]AS,]NETWORK/LENGTH in each line, ! before comments. */
export async function readNetworks(pieces: Pieces, sink: PrefixSink, refuse: Refusal): Promise<void> {
  await eachLine(pieces, (line, number) => {
    if (/^\s*(?:[!#]|$)/.test(line)) return;
    const fields = line.split(",").map((field) => field.trim());
    const prefix = fields.pop()!;
    if (fields.length > LABELS.length) {
      refuse(number, `it has ${fields.length + 1} fields; legal is LABEL,NEXTHOP,AS,NETWORK/LENGTH`);
      return;
    }
    const values: string[] = [];
    for (const [index, field] of fields.toReversed().entries()) setLabel(values, LABELS[index]!, field, sink);
    const fault = sink.add(prefix, values, number);
    if (fault !== undefined) refuse(number, fault);
  });
}

function setLabel(values: string[], name: string, field: string, sink: PrefixSink): void {
  if (field === "") return;
  const [, peer, asn] = (name === "asn" && /^([0-9]+)_([0-9]+)$/.exec(field)) || [];
  if (peer !== undefined) setLabel(values, PEER, peer, sink);
  const index = sink.label(name);
  if (typeof index === "string") throw new Error(index);
  while (values.length <= index) values.push("");
  values[index] = asn ?? field;
}
