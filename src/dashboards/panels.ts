import { DATA_SOURCE, type Panel } from "./grafana.ts";

/** A query, and what names its series: "{{label}}" is replaced. Without a name, a series has all its labels. */
export type Query = readonly [expression: string, legend?: string];

/** Units as Grafana names them. */
export type Unit = "bps" | "pps" | "bytes" | "decbytes" | "s" | "short" | "percentunit" | "dateTimeFromNow" | "none";

/** A panel without its place. */
export type Sketch = Omit<Panel, "gridPos" | "id">;

/** How large a panel is, in cells of the grid. */
export interface Placed {
  readonly sketch: Sketch;
  readonly width: number;
  readonly height: number;
}

const HEIGHT = 8;
const WIDTH = 12;
const STAT_HEIGHT = 4;

/** Lines over time. */
export function graph(title: string, unit: Unit, description: string, ...queries: readonly Query[]): Placed {
  const custom = { lineWidth: 1, fillOpacity: 10, showPoints: "never", spanNulls: false };
  const legend = { displayMode: "table", placement: "right", showLegend: true, calcs: ["lastNotNull", "max"] };
  const options = { legend, tooltip: { mode: "multi", sort: "desc" } };
  const sketch = panel("timeseries", title, description, ranged(queries), { unit, min: 0, custom }, options);
  return { sketch, width: WIDTH, height: HEIGHT };
}

/** Numbers as they are now. */
export function stat(title: string, unit: Unit, description: string, ...queries: readonly Query[]): Placed {
  const options = { reduceOptions: { calcs: ["lastNotNull"] }, colorMode: "none", graphMode: "area" };
  return {
    sketch: panel("stat", title, description, ranged(queries), { unit, noValue: "–" }, options),
    width: 4,
    height: STAT_HEIGHT,
  };
}

/** One row for each series, the largest value first. */
export function table(
  title: string,
  unit: Unit,
  description: string,
  query: string,
  hidden: readonly string[] = [],
): Placed {
  const excluded = ["Time", "job", "__name__", ...hidden];
  const excludeByName = Object.fromEntries(excluded.map((name) => [name, true]));
  const sketch = panel(
    "table",
    title,
    description,
    instant(query),
    { unit },
    { sortBy: [{ displayName: "Value", desc: true }] },
  );
  const transformations = [{ id: "organize", options: { excludeByName } }];
  return { sketch: { ...sketch, transformations }, width: WIDTH, height: HEIGHT };
}

/** A world map with a circle for each country; `label` holds two-letter codes. */
export function map(title: string, unit: Unit, description: string, query: string, label: string): Placed {
  const style = {
    size: { field: "Value", min: 3, max: 30 },
    color: { fixed: "blue" },
    opacity: 0.5,
    symbol: { mode: "fixed", fixed: "img/icons/marker/circle.svg" },
  };
  const layer = {
    type: "markers",
    name: title,
    config: { style, showLegend: false },
    location: { mode: "lookup", lookup: label, gazetteer: "public/gazetteer/countries.json" },
    tooltip: true,
  };
  const options = {
    view: { id: "zero", lat: 20, lon: 0, zoom: 1.5 },
    basemap: { type: "default", name: "Base" },
    layers: [layer],
    tooltip: { mode: "details" },
  };
  const sketch = panel("geomap", title, description, instant(query), { unit }, options);
  return { sketch, width: GEOMAP_WIDTH, height: 2 * HEIGHT };
}

const GEOMAP_WIDTH = 16;

/** How a histogram's buckets fill over time. */
export function heatmap(title: string, unit: Unit, description: string, query: string): Placed {
  const options = { calculate: false, yAxis: { unit }, color: { mode: "scheme", scheme: "Blues" }, cellGap: 0 };
  const targets = ranged([[query, "{{le}}"]]).map((target) => ({ ...target, format: "heatmap" }));
  return { sketch: panel("heatmap", title, description, targets, {}, options), width: WIDTH, height: HEIGHT };
}

function panel(
  type: string,
  title: string,
  description: string,
  targets: NonNullable<Panel["targets"]>,
  defaults: NonNullable<Panel["fieldConfig"]>["defaults"],
  options: Record<string, unknown>,
): Sketch {
  const fieldConfig = { defaults, overrides: [] };
  return { type, title, description, datasource: DATA_SOURCE, targets, fieldConfig, options };
}

function ranged(queries: readonly Query[]): NonNullable<Panel["targets"]> {
  return queries.map(([expr, legendFormat = "__auto"], index) => ({
    refId: String.fromCodePoint("A".codePointAt(0)! + index),
    datasource: DATA_SOURCE,
    expr,
    legendFormat,
    range: true,
  }));
}

function instant(expr: string): NonNullable<Panel["targets"]> {
  return [{ refId: "A", datasource: DATA_SOURCE, expr, format: "table", instant: true, range: false }];
}
