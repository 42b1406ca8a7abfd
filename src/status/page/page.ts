import { escapeHtml } from "./html.ts";
import type { Sections } from "./sections.ts";

/** Where the page's own files are, as status.html and status.js have them too. */
export const STATUS_PATHS = {
  style: "/-/status.css",
  script: "/-/status.js",
  events: "/-/status/events",
  data: "/-/status.json",
} as const;

/** Fills the places of status.html: `{{id}}` with the section of that id, or with a text. */
export function statusPage(template: string, sections: Sections, texts: Readonly<Record<string, string>>): string {
  return template.replace(/\{\{(\w+)\}\}/g, (_, id: string) => sections.get(id) ?? escapeHtml(texts[id]!));
}
