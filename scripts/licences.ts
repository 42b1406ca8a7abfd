import type { Component } from "./component.ts";

/** The licences of everything inside the binary, as one text. */
export function thirdPartyLicences(components: readonly Component[]): string {
  return components.map(({ name, version, notice }) => part(name, version, notice)).join("\n");
}

function part(name: string, version: string, text: string): string {
  const rule = "=".repeat(80);
  return `${rule}\n${name} ${version}\n${rule}\n\n${text.trim()}\n`;
}
