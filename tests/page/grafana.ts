import type { Dashboard, FieldConfig, FieldConfigSource, Panel } from "@grafana/schema";
import type { FieldConfig as Curves, Options } from
  "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** JSON has the values of enumerations, and no enumerations. */
type Plain<T> = T extends string ? `${T}`
  : T extends number ? (`${T}` extends `${infer N extends number}` ? N : T)
  : T extends (infer Item)[] ? Plain<Item>[]
  : T extends object ? { [Key in keyof T]: Plain<T[Key]> }
  : T;

/** A panel with curves, and nothing beside what Grafana knows of one. */
type TimeSeries = Omit<Panel, "type" | "options" | "fieldConfig"> & {
  type: "timeseries";
  options: Partial<Options>;
  fieldConfig: Omit<FieldConfigSource, "defaults"> & { defaults: Omit<FieldConfig, "custom"> & { custom: Curves } };
};

export type Shown = Plain<Omit<Dashboard, "panels"> & { panels: TimeSeries[] }>;
