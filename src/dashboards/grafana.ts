import type * as grafana from "@grafana/schema";

/** Grafana's types as JSON has them: values in place of its enumerations. */
type Json<T> = T extends string
  ? `${T}`
  : T extends number
    ? number
    : T extends readonly (infer U)[]
      ? Json<U>[]
      : T extends object
        ? { [K in keyof T]: Json<T[K]> }
        : T;

/** What Grafana imports: the classic model of a dashboard. */
export type Dashboard = Json<grafana.Dashboard>;
export type Panel = Json<grafana.Panel>;
export type Variable = Json<grafana.VariableModel>;

/** The one that Grafana 11 writes; later ones migrate it when they load it. */
export const SCHEMA_VERSION = 39;
/** Grafana's grid. */
export const GRID_COLUMNS = 24;
/** The data source that the viewer chooses. */
export const DATA_SOURCE = { type: "prometheus", uid: "${datasource}" };
