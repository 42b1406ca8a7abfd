/** The list of a manual's section `## name`: what is not as in that program. Throws if there is none. */
export function differencesOf(manual: string, name: string): string {
  const section = manual.split(/^## /m).find((part) => part.startsWith(`${name}\n`));
  const list = section === undefined ? null : /^- [^]*/m.exec(section);
  if (list === null) throw new Error(`the manual lists no differences of ${name}`);
  return `${list[0].trimEnd()}\n`;
}
