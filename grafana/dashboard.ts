// Describes a dashboard in a few fields, and turns the description into Grafana's JSON.
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
  /** PromQL. Grafana fills in `$instance` and `$__rate_interval`. */
  readonly expr: string;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

/** A graph over time. */
export interface Panel {
  readonly title: string;
  /** States what the panel shows and how to read it, for a first-time reader. */
  readonly description: string;
  readonly unit: 's' | 'bytes' | 'short' | 'ops' | 'percentunit' | 'bool_yes_no';
  readonly queries: readonly Query[];
}

/** One page. */
export interface Dashboard {
  /** The name of its file. Its ID in Grafana is `xlreg-` followed by this name. */
  readonly name: string;
  readonly title: string;
  readonly rows: readonly { readonly title: string; readonly panels: readonly Panel[] }[];
}

/** Restricts a metric to the instances selected at the top of the page. */
export const CHOSEN = 'instance=~"$instance"';

/** The data source that grafana/provisioning defines. */
const DATASOURCE = { type: 'prometheus', uid: 'xlreg-prometheus' };
/** Width of a panel, of the 24 columns of a page. */
const PANEL_COLUMNS = 8;
const PANEL_HEIGHT = 8;

/** PromQL for a quantile of a histogram by instance and `labels`, in the unit of the histogram. */
export function quantile(share: number, histogram: string, labels: readonly string[] = [], matcher = ''): string {
  const by = ['instance', ...labels, 'le'].join(', ');
  return `histogram_quantile(${share}, sum by (${by}) (${rate(`${histogram}_bucket`, matcher)}))`;
}

/** PromQL for the growth of a counter a second. */
export function rate(counter: string, matcher = ''): string {
  return `rate(${counter}{${[CHOSEN, matcher].filter(Boolean).join(', ')}}[$__rate_interval])`;
}

/** PromQL for the value of a gauge. */
export function gauge(name: string, matcher = ''): string {
  return `${name}{${[CHOSEN, matcher].filter(Boolean).join(', ')}}`;
}

/** Builds Grafana's model of a dashboard. */
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
