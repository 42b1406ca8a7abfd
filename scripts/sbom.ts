import { createHash } from "node:crypto";

import type { Component } from "./component.ts";
import { committed, revision, version } from "./project.ts";
import type { Architecture } from "./target.ts";

const FORMAT = { bomFormat: "CycloneDX", specVersion: "1.6" };

/** What the binary is made of, for programs that look for what is known to be unsafe: CycloneDX 1.6, as JSON. */
export function billOfMaterials(architecture: Architecture, components: readonly Component[]): string {
  const self = `pkg:generic/promtap@${version}?arch=${architecture}`;
  const metadata = {
    timestamp: new Date(committed * 1000).toISOString(),
    component: {
      type: "application",
      "bom-ref": self,
      name: "promtap",
      version,
      purl: self,
      licenses: [{ license: { id: "MIT" } }],
      properties: [
        { name: "promtap:revision", value: revision },
        { name: "promtap:architecture", value: architecture },
      ],
    },
  };
  const content = {
    metadata,
    components: components.map(entry),
    dependencies: [{ ref: self, dependsOn: components.map(({ purl }) => purl) }],
  };
  const serialNumber = `urn:uuid:${uuidOf(JSON.stringify(content))}`;
  return `${JSON.stringify({ ...FORMAT, serialNumber, version: 1, ...content }, undefined, 2)}\n`;
}

function entry({ name, version, kind, licence, purl, integrity, holds }: Component): object {
  const [, scope, rest] = /^(@[^/]+)\/(.*)$/.exec(name) ?? [];
  return {
    type: kind,
    "bom-ref": purl,
    ...(scope === undefined ? {} : { group: scope }),
    name: rest ?? name,
    version,
    ...(integrity === undefined ? {} : { hashes: [hashOf(integrity)] }),
    ...(licence === undefined ? {} : { licenses: [licenceOf(licence)] }),
    purl,
    ...(holds === undefined ? {} : { components: Object.entries(holds).map(([part, of]) => partOf(purl, part, of)) }),
  };
}

function partOf(whole: string, name: string, version: string): object {
  return { type: "library", "bom-ref": `${whole}#${name}`, name, version };
}

function licenceOf(licence: string): object {
  return licence.includes(" ") ? { expression: licence } : { license: { id: licence } };
}

function hashOf(integrity: string): object {
  const [, digits = "", text = ""] = /^sha(\d+)-(.*)$/.exec(integrity) ?? [];
  return { alg: `SHA-${digits}`, content: Buffer.from(text, "base64").toString("hex") };
}

/** The same for the same content: of version 8, which RFC 9562 leaves to whoever makes it. */
function uuidOf(content: string): string {
  const bytes = createHash("sha256").update(content).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
