// Describes a dashboard in a few fields, and turns the description into Grafana's JSON.
import {
  BigValueColorMode,
  BigValueGraphMode,
  BigValueTextMode,
  GraphThresholdsStyleConfigBuilder,
  GraphThresholdsStyleMode,
  LegendDisplayMode,
  LegendPlacement,
  ReduceDataOptionsBuilder,
  VizLegendOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import {
  DashboardBuilder,
  DashboardCursorSync,
  type Dashboard as DashboardJson,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  MappingType,
  QueryVariableBuilder,
  RowBuilder,
  ThresholdsConfigBuilder,
  ThresholdsMode,
  type ValueMapping,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StatesBuilder } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as GraphBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** One curve, or one for each combination of labels. */
export interface Query {
  /** PromQL. Grafana fills in `$instance` and `$__rate_interval`. */
  readonly expr: string;
  /** `{{label}}` stands for a label's value. */
  readonly legend: string;
}

/** Colours from a value on, in ascending order. The first applies below its value, too. */
type Thresholds = readonly (readonly [from: number, color: 'green' | 'orange' | 'red'])[];

/** A part of a page: a graph over time, one large value for each curve, or coloured bars of states over time. */
export interface Panel {
  /** A graph by default. */
  readonly kind?: 'graph' | 'stat' | 'states';
  readonly title: string;
  /** States what the panel shows and how to read it, for a first-time reader. */
  readonly description: string;
  readonly unit: 's' | 'bytes' | 'short' | 'ops' | 'percentunit' | 'bool_yes_no';
  readonly queries: readonly Query[];
  readonly thresholds?: Thresholds;
  /** The texts of the values 0 and 1, which are red and green. */
  readonly states?: readonly [zero: string, one: string];
  /** Shows the legend instead of the value. */
  readonly showsLegend?: boolean;
  /** The dashboard with more about it. */
  readonly details?: string;
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

/** The data source selected at the top of the page, so that any Grafana can import a dashboard. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana fills in the variable.
const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };
/** Width of a panel by its kind, of the 24 columns of a page, and its height. */
const SIZES = { graph: [8, 8], stat: [4, 4], states: [24, 7] } as const;

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
    .link(
      new DashboardLinkBuilder('xlReg')
        .type(DashboardLinkType.Dashboards)
        .tags(['xlreg'])
        .asDropdown(false)
        .includeVars(true)
        .keepTime(true),
    )
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
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
  const { links = [], ...built } = dashboard.build();
  // The builder puts links into a menu that older Grafanas do not have; without a place they are at the top in each.
  return { ...built, links: links.map(({ placement: _, ...link }) => link) };
}

type Builder = GraphBuilder | StatBuilder | StatesBuilder;

function buildPanel(panel: Panel, id: number): Builder {
  const { kind = 'graph', title, description, unit, queries, thresholds, states, details } = panel;
  const [span, height] = SIZES[kind];
  const builder = builderOf(panel)
    .id(id)
    .title(title)
    .description(description)
    .datasource(DATASOURCE)
    .unit(unit)
    .min(0)
    .span(span)
    .height(height);
  if (thresholds !== undefined) builder.thresholds(thresholdsOf(thresholds));
  if (states !== undefined) builder.mappings(mappingsOf(states)).thresholds(thresholdsOf(STATE_COLORS));
  if (details !== undefined) builder.links([linkTo(details)]);
  for (const [place, { expr, legend }] of queries.entries()) {
    const refId = String.fromCharCode('A'.charCodeAt(0) + place);
    builder.withTarget(
      new DataqueryBuilder().refId(refId).datasource(DATASOURCE).expr(expr).legendFormat(legend).range(),
    );
  }
  return builder;
}

function builderOf({ kind, thresholds, showsLegend }: Panel): Builder {
  const legend = new VizLegendOptionsBuilder()
    .displayMode(LegendDisplayMode.List)
    .placement(LegendPlacement.Bottom)
    .showLegend(true);
  switch (kind) {
    case 'stat':
      return new StatBuilder()
        .reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']).values(false))
        .colorMode(BigValueColorMode.Background)
        .graphMode(BigValueGraphMode.None)
        .textMode(showsLegend ? BigValueTextMode.Name : BigValueTextMode.Auto);
    case 'states':
      return new StatesBuilder().mergeValues(true).legend(legend);
    default: {
      const graph = new GraphBuilder().legend(legend);
      const style = new GraphThresholdsStyleConfigBuilder().mode(GraphThresholdsStyleMode.Dashed);
      return thresholds === undefined ? graph : graph.thresholdsStyle(style);
    }
  }
}

const STATE_COLORS: Thresholds = [
  [0, 'red'],
  [1, 'green'],
];

function thresholdsOf(thresholds: Thresholds): ThresholdsConfigBuilder {
  const steps = thresholds.map(([value, color], place) => ({ value: place === 0 ? null : value, color }));
  return new ThresholdsConfigBuilder().mode(ThresholdsMode.Absolute).steps(steps);
}

function mappingsOf([zero, one]: readonly [string, string]): ValueMapping[] {
  const options = { 0: { text: zero, color: 'red', index: 0 }, 1: { text: one, color: 'green', index: 1 } };
  return [{ type: MappingType.ValueToText, options }];
}

/** Keeps the time range and the selected instances. */
function linkTo(dashboard: string): DashboardLinkBuilder {
  const url = `/d/xlreg-${dashboard}?\${__url_time_range}&\${instance:queryparam}&\${datasource:queryparam}`;
  return new DashboardLinkBuilder(`xlReg: ${dashboard}`).type(DashboardLinkType.Link).url(url);
}
