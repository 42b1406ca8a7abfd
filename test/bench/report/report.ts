/** A table; the first column is left-aligned text, the others are numbers or short words. */
export interface Table {
  caption: string;
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

/** What a section of the benchmark found. */
export interface Report {
  title: string;
  /** How it was measured and what to know when reading it, one sentence or two an entry. */
  notes: readonly string[];
  tables: readonly Table[];
}

/** Writes a report for the terminal: columns lined up. */
export function plainText(report: Report): string {
  const tables = report.tables.map((table) => `${table.caption}\n${aligned(table)}\n`);
  const notes = report.notes.map((note) => `  - ${note}\n`).join("");
  return [`== ${report.title} ==\n`, ...tables, notes].join("\n");
}

/** Writes a report for README.md. */
export function markdown(report: Report): string {
  const tables = report.tables.map(
    ({ caption, head, rows }) =>
      `${caption}\n\n${[head, head.map((_, column) => (column === 0 ? "---" : "--:")), ...rows].map(row).join("\n")}\n`,
  );
  const notes = report.notes.map((note) => `- ${note}\n`).join("");
  return [`## ${report.title}\n`, ...tables, notes].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function aligned({ head, rows }: Table): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((cells) => cells[column]?.length ?? 0)));
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
  return [head, ...rows].map((cells) => `  ${cells.map(pad).join("  ")}`).join("\n");
}
