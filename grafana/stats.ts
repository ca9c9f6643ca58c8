// The large values at the top of the overview: what is wrong, at a glance.
import { CHOSEN, gauge, type Panel, quantile, rate } from './dashboard.ts';

const sum = (expr: string) => `sum by (instance) (${expr})`;
const closed = sum(rate('xlreg_admission_drops_total'));
const refused = sum(rate('xlreg_refusals_total', 'refusal=~"registry-full|.+-per-(address|client)"'));
const started = sum(rate('xlreg_sessions_started_total'));

/** Connections that a limit turned away, as a share of all that came. */
export const REFUSED_SHARE = `(${closed} + ${refused}) / (${started} + ${closed})`;

/** One value for each instance, for the first look. Thresholds are those of the alerts. */
const CONTENTS: readonly Omit<Panel, 'kind'>[] = [
  {
    title: 'Ready',
    description: 'Whether every check of /readyz passes.',
    unit: 'short',
    states: ['not ready', 'ready'],
    queries: [{ expr: `min by (instance) (${gauge('xlreg_readiness_check')})`, legend: '{{instance}}' }],
  },
  {
    title: 'Store',
    description: 'Whether the store takes changes: it is neither full nor unreachable.',
    unit: 'short',
    states: ['refuses changes', 'takes changes'],
    details: 'store',
    queries: [
      {
        expr: `1 - clamp_max(${gauge('xlreg_store_full')} + ${gauge('xlreg_store_unreachable')}, 1)`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Alerts',
    description: 'Alerts that fire now. docs/how-to/alerts.md has a section for each.',
    unit: 'short',
    thresholds: [
      [0, 'green'],
      [1, 'red'],
    ],
    queries: [
      { expr: `count(ALERTS{alertstate="firing", alertname=~"Xlreg.+", ${CHOSEN}}) or vector(0)`, legend: 'firing' },
    ],
  },
  {
    title: 'Version',
    description: 'Versions of xlReg and of Node.',
    unit: 'short',
    showsLegend: true,
    thresholds: [[0, 'green']],
    queries: [{ expr: gauge('xlreg_build_info'), legend: '{{instance}} {{version}} on Node {{node}}' }],
  },
  {
    title: 'Open sessions',
    description: 'Connections before their Hello included.',
    unit: 'short',
    thresholds: [[0, 'green']],
    queries: [{ expr: sum(gauge('xlreg_sessions_open')), legend: '{{instance}}' }],
  },
  {
    title: 'Connections, share of the limit',
    description: 'At 1, the connection that has waited longest without a Hello makes room for each new one.',
    unit: 'percentunit',
    thresholds: [
      [0, 'green'],
      [0.7, 'orange'],
      [0.9, 'red'],
    ],
    queries: [
      {
        expr: `${gauge('xlreg_admission_connections')} / ${gauge('xlreg_admission_connections_max')}`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Refused share',
    description: 'Connections turned away by a limit, of all that came.',
    unit: 'percentunit',
    thresholds: [
      [0, 'green'],
      [0.01, 'orange'],
      [0.05, 'red'],
    ],
    queries: [{ expr: REFUSED_SHARE, legend: '{{instance}}' }],
  },
  {
    title: 'Handshake, p99',
    description: 'Upper bound: the p99 of the wait in the queue and that of the work on the Hello together.',
    unit: 's',
    thresholds: [
      [0, 'green'],
      [0.1, 'orange'],
      [0.25, 'red'],
    ],
    details: 'crypto-pool',
    queries: [
      {
        expr: `${quantile(0.99, 'xlreg_stage_seconds', [], 'stage="hello-wait"')} + ${quantile(0.99, 'xlreg_stage_seconds', [], 'stage="hello-call"')}`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Seats filled',
    description: 'Share of the seats of all clusters that a member has taken.',
    unit: 'percentunit',
    thresholds: [[0, 'green']],
    details: 'clusters',
    queries: [
      {
        expr: `${sum(gauge('xlreg_table_seats', 'state="filled"'))} / ${sum(gauge('xlreg_table_seats'))}`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Backup, age in intervals',
    description: 'Age of the last good scheduled backup in units of --backup-every. No data without --backup-dir.',
    unit: 'short',
    thresholds: [
      [0, 'green'],
      [1.2, 'orange'],
      [2, 'red'],
    ],
    details: 'store',
    queries: [
      {
        expr: `(time() - ${gauge('xlreg_backup_last_success_timestamp_seconds')}) / ${gauge('xlreg_backup_interval_seconds')}`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Certificates expire in',
    description: 'Time to the end of the first certificate that ends. No data without TLS.',
    unit: 's',
    thresholds: [
      [0, 'red'],
      [86_400, 'orange'],
      [14 * 86_400, 'green'],
    ],
    queries: [
      {
        expr: `min by (instance) (${gauge('xlreg_certificate_expiry_timestamp_seconds')}) - time()`,
        legend: '{{instance}}',
      },
    ],
  },
  {
    title: 'Last good reload',
    description: 'Time since the last good reload, or since the start.',
    unit: 's',
    thresholds: [[0, 'green']],
    queries: [{ expr: `time() - ${gauge('xlreg_reload_last_success_timestamp_seconds')}`, legend: '{{instance}}' }],
  },
];

/** The first row of the overview. */
export const STATS: readonly Panel[] = CONTENTS.map((panel) => ({ ...panel, kind: 'stat' }));
