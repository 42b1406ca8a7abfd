/** What a request asks for of the page; an empty list asks for all there is. */
export interface Selection {
  /** Collectors to ask. */
  collect: readonly string[];
  /** Collectors to leave out. */
  exclude: readonly string[];
  /** Families, by their names or those of their samples. */
  names: readonly string[];
}

/** Reads `?collect[]=…&exclude[]=…&name[]=…`, as node_exporter and client libraries of Prometheus do. */
export function selectionOf(target: string): Selection {
  const query = new URLSearchParams(target.replace(/^[^?]*\??/, ""));
  return { collect: query.getAll("collect[]"), exclude: query.getAll("exclude[]"), names: query.getAll("name[]") };
}
