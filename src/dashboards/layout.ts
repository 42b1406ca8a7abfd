import { type Dashboard, DATA_SOURCE, GRID_COLUMNS, type Panel, SCHEMA_VERSION, type Variable } from "./grafana.ts";
import type { Placed } from "./panels.ts";

/** A dashboard as it is described. */
export interface Plan {
  readonly title: string;
  readonly about: string;
  /** A family that every promtap with something to show here has; its labels are what variables offer. */
  readonly family: string;
  /** Labels that variables select by, besides job and instance. */
  readonly labels?: readonly string[];
  /** From left to right, then below. */
  readonly panels: readonly Placed[];
}

/** Makes what Grafana imports. `name` makes its lasting address. */
export function dashboard(name: string, { title, about, family, labels = [], panels }: Plan): Dashboard {
  return {
    uid: `promtap-${name}`,
    title: `promtap / ${title}`,
    description: about,
    tags: ["promtap"],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    graphTooltip: 1,
    refresh: "1m",
    time: { from: "now-6h", to: "now" },
    timezone: "browser",
    links: [
      {
        title: "promtap",
        type: "dashboards",
        tags: ["promtap"],
        asDropdown: true,
        keepTime: true,
        includeVars: true,
        icon: "",
        tooltip: "",
        url: "",
        targetBlank: false,
      },
    ],
    templating: { list: [dataSource, ...variables(family, ["job", "instance", ...labels])] },
    panels: placed(panels),
  };
}

const dataSource: Variable = { name: "datasource", label: "Data source", type: "datasource", query: "prometheus" };

/** One for each label; each offers what the ones before it leave. */
function variables(family: string, labels: readonly string[]): Variable[] {
  return labels.map((label, index) => {
    const before = labels.slice(0, index).map((each) => `${each}=~"$${each}"`);
    const selector = before.length === 0 ? "" : `{${before.join(",")}}`;
    const query = { query: `label_values(${family}${selector}, ${label})`, refId: label };
    return {
      name: label,
      label,
      type: "query",
      datasource: DATA_SOURCE,
      query,
      refresh: 2,
      sort: 1,
      multi: true,
      includeAll: true,
      allValue: ".*",
      current: { text: "All", value: "$__all" },
    };
  });
}

/** Fills the grid row by row; a row is as high as the highest in it. */
function placed(panels: readonly Placed[]): Panel[] {
  let [x, y, rowHeight] = [0, 0, 0];
  return panels.map(({ sketch, width, height }, index) => {
    if (x + width > GRID_COLUMNS) [x, y, rowHeight] = [0, y + rowHeight, 0];
    const gridPos = { x, y, w: width, h: height };
    x += width;
    rowHeight = Math.max(rowHeight, height);
    return { id: index + 1, gridPos, ...sketch };
  });
}
