// What is on a dashboard, in as few words as that needs, and how it becomes Grafana's JSON.
import { LegendDisplayMode, LegendPlacement, VizLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  type Dashboard as DashboardJson,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** One curve, or one for each combination of labels. */
export interface Query {
  /** PromQL; `$instance` and `$__rate_interval` are Grafana's to fill in. */
  readonly expr: string;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

/** A graph over time. */
export interface Panel {
  readonly title: string;
  /** What it shows and what to make of it, for who has never seen it. */
  readonly description: string;
  readonly unit: 's' | 'bytes' | 'short' | 'ops' | 'percentunit' | 'bool_yes_no';
  readonly queries: readonly Query[];
}

/** One page. */
export interface Dashboard {
  /** The name of its file, and behind `xlreg-` its ID in Grafana. */
  readonly name: string;
  readonly title: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

/** Restricts a metric to the registries that are chosen at the top of the page. */
export const CHOSEN = 'instance=~"$instance"';

/** The data source that grafana/provisioning makes. */
const DATASOURCE = { type: 'prometheus', uid: 'xlreg-prometheus' };
/** Of the 24 columns of a page. */
const PANEL_COLUMNS = 8;
const PANEL_HEIGHT = 8;

/** A quantile of a histogram, by instance and more labels; in the histogram's unit. */
export function quantile(share: number, histogram: string, labels: readonly string[] = [], matcher = ''): string {
  const by = ['instance', ...labels, 'le'].join(', ');
  return `histogram_quantile(${share}, sum by (${by}) (${rate(`${histogram}_bucket`, matcher)}))`;
}

/** A counter's growth a second. */
export function rate(counter: string, matcher = ''): string {
  return `rate(${counter}{${[CHOSEN, matcher].filter(Boolean).join(', ')}}[$__rate_interval])`;
}

/** A gauge. */
export function gauge(name: string, matcher = ''): string {
  return `${name}{${[CHOSEN, matcher].filter(Boolean).join(', ')}}`;
}

/** Grafana's model of a dashboard. */
export function buildDashboard({ name, title, rows }: Dashboard): DashboardJson {
  const dashboard = new DashboardBuilder(title)
    .uid(`xlreg-${name}`)
    .tags(['xlreg'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(
      new QueryVariableBuilder('instance')
        .label('Registry')
        .datasource(DATASOURCE)
        .query('label_values(xlreg_readiness_check, instance)')
        .refresh(VariableRefresh.OnTimeRangeChanged)
        .multi(true)
        .includeAll(true)
        .allValue('.*')
        .current({ text: 'All', value: '$__all', selected: true }),
    );
  let panels = 0;
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(++panels));
    for (const panel of row.panels) dashboard.withPanel(buildPanel(panel, ++panels));
  }
  return dashboard.build();
}

function buildPanel({ title, description, unit, queries }: Panel, id: number): PanelBuilder {
  const legend = new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true);
  const panel = new PanelBuilder()
    .id(id)
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .span(PANEL_COLUMNS)
    .height(PANEL_HEIGHT)
    .legend(legend);
  for (const [place, { expr, legend }] of queries.entries()) {
    const refId = String.fromCharCode('A'.charCodeAt(0) + place);
    panel.withTarget(
      new DataqueryBuilder().refId(refId).datasource(DATASOURCE).expr(expr).legendFormat(legend).range(),
    );
  }
  return panel;
}
