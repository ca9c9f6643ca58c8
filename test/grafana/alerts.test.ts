// Runs each alert with promtool on synthetic series: it fires when it should, after its time, and not otherwise.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ALERTS, type Alert, runbookOf } from '../../grafana/alerts.ts';
import { prometheusPrograms } from '../support/debian-programs.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { GRAFANA } from './written-expressions.ts';

const programs = prometheusPrograms();
const folder = mkdtempSync(join(tmpdir(), 'xlreg-alerts-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Series in promtool's notation, one value a minute. `@` stands for job and instance. */
type Series = Readonly<Record<string, string>>;

interface Case {
  /** Series and time at which the alert fires, and its labels besides job and instance. */
  readonly fires: { readonly series: Series; readonly at: string; readonly labels?: Readonly<Record<string, string>> };
  /** Series and times at which the alert does not fire. */
  readonly quiet: readonly { readonly series: Series; readonly at: string }[];
}

const INSTANCE = { job: 'xlreg', instance: 'a:1' };
/** A histogram with 100 values a minute, `above` of which exceed 0.1 s. */
const late = (name: string, labels: string, above: number): Series => ({
  [`${name}_bucket{@${labels},le="0.1"}`]: `0+${100 - above}x60`,
  [`${name}_bucket{@${labels},le="1"}`]: '0+100x60',
  [`${name}_bucket{@${labels},le="+Inf"}`]: '0+100x60',
});
/** A histogram of etcd requests, 100 a minute, `above` of which exceed 0.25 s. */
const slower = (name: string, above: number): Series => ({
  [`${name}_bucket{@,method="txn",le="0.25"}`]: `0+${100 - above}x60`,
  [`${name}_bucket{@,method="txn",le="1"}`]: '0+100x60',
  [`${name}_bucket{@,method="txn",le="+Inf"}`]: '0+100x60',
});
const steady = (series: string, value: string) => ({ [series]: `${value}+0x400` });

const CASES: Readonly<Record<string, Case>> = {
  XlregDown: {
    fires: { series: steady('up{@}', '0'), at: '1m' },
    quiet: [{ series: steady('up{@}', '1'), at: '10m' }],
  },
  XlregNotReady: {
    fires: {
      series: steady('xlreg_readiness_check{@,check="listening"}', '0'),
      at: '2m',
      labels: { check: 'listening' },
    },
    quiet: [
      { series: steady('xlreg_readiness_check{@,check="listening"}', '0'), at: '1m' },
      { series: steady('xlreg_readiness_check{@,check="listening"}', '1'), at: '10m' },
    ],
  },
  XlregRestarting: {
    fires: { series: { 'process_start_time_seconds{@}': '1 1 2 2 3 3 4 4 4 4' }, at: '9m' },
    quiet: [{ series: { 'process_start_time_seconds{@}': '1 1 2 2 2 2 3 3 3 3' }, at: '9m' }],
  },
  XlregCoordinatorSilent: {
    fires: { series: steady('xlreg_coordinator_silent_seconds{@}', '9'), at: '2m' },
    quiet: [
      { series: steady('xlreg_coordinator_silent_seconds{@}', '9'), at: '1m' },
      { series: steady('xlreg_coordinator_silent_seconds{@}', '0.2'), at: '10m' },
    ],
  },
  XlregStoreFull: {
    fires: { series: steady('xlreg_store_full{@}', '1'), at: '1m' },
    quiet: [{ series: steady('xlreg_store_full{@}', '0'), at: '10m' }],
  },
  XlregStoreUnreachable: {
    fires: { series: steady('xlreg_store_unreachable{@}', '1'), at: '1m' },
    quiet: [{ series: steady('xlreg_store_unreachable{@}', '0'), at: '10m' }],
  },
  XlregStoreSlow: {
    fires: { series: slower('xlreg_store_request_seconds', 2), at: '15m' },
    quiet: [
      { series: slower('xlreg_store_request_seconds', 0), at: '30m' },
      { series: slower('xlreg_store_request_seconds', 2), at: '5m' },
    ],
  },
  XlregStoreFillsUp: {
    fires: { series: { 'xlreg_store_room_bytes{@}': '1000000-200x400' }, at: '390m' },
    quiet: [
      { series: { 'xlreg_store_room_bytes{@}': '1000000-20x400' }, at: '390m' },
      // --store memory.
      { series: { 'xlreg_store_room_bytes{@}': '+Inf+0x400' }, at: '390m' },
    ],
  },
  XlregDiskSlow: {
    fires: { series: late('xlreg_store_sync_seconds', '', 2), at: '15m' },
    quiet: [
      { series: late('xlreg_store_sync_seconds', '', 0), at: '30m' },
      { series: late('xlreg_store_sync_seconds', '', 2), at: '5m' },
    ],
  },
  XlregTableFull: {
    fires: {
      series: { 'xlreg_refusals_total{@,refusal="registry-full"}': '0 0 1 1 1' },
      at: '4m',
      labels: { refusal: 'registry-full' },
    },
    quiet: [
      { series: { 'xlreg_refusals_total{@,refusal="cluster-full"}': '0+9x9' }, at: '4m' },
      { series: { 'xlreg_refusals_total{@,refusal="registry-full"}': '0 1+0x20' }, at: '15m' },
    ],
  },
  XlregGrowthLimited: {
    fires: {
      series: { 'xlreg_refusals_total{@,refusal="clusters-per-address"}': '0+600x30' },
      at: '20m',
      labels: { refusal: 'clusters-per-address' },
    },
    quiet: [
      { series: { 'xlreg_refusals_total{@,refusal="seats-per-client"}': '0+30x40' }, at: '20m' },
      { series: { 'xlreg_refusals_total{@,refusal="cluster-full"}': '0+600x30' }, at: '20m' },
    ],
  },
  XlregOverloaded: {
    fires: {
      series: { 'xlreg_sessions_ended_total{@,dialect="none",transport="tcp",end="overload"}': '0+3x30' },
      at: '10m',
    },
    quiet: [
      { series: { 'xlreg_sessions_ended_total{@,dialect="none",transport="tcp",end="bye"}': '0+3x30' }, at: '10m' },
    ],
  },
  XlregThreadBusy: {
    fires: {
      series: { 'xlreg_thread_cpu_seconds_total{@,thread="main"}': '0+57x60' },
      at: '20m',
      labels: { thread: 'main' },
    },
    quiet: [{ series: { 'xlreg_thread_cpu_seconds_total{@,thread="main"}': '0+50x60' }, at: '30m' }],
  },
  XlregEventLoopLate: {
    fires: {
      series: late('xlreg_thread_event_loop_delay_seconds', ',thread="main"', 2),
      at: '15m',
      labels: { thread: 'main' },
    },
    quiet: [{ series: late('xlreg_thread_event_loop_delay_seconds', ',thread="main"', 0), at: '30m' }],
  },
  XlregHeapNearLimit: {
    fires: {
      series: {
        ...steady('xlreg_thread_heap_used_bytes{@,thread="coordinator"}', '90'),
        ...steady('xlreg_thread_heap_limit_bytes{@,thread="coordinator"}', '100'),
      },
      at: '5m',
      labels: { thread: 'coordinator' },
    },
    quiet: [
      {
        series: {
          ...steady('xlreg_thread_heap_used_bytes{@,thread="coordinator"}', '80'),
          ...steady('xlreg_thread_heap_limit_bytes{@,thread="coordinator"}', '100'),
        },
        at: '10m',
      },
    ],
  },
  XlregWorkerFailed: {
    fires: { series: { 'xlreg_pool_failures_total{@}': '0 0 1 1 1' }, at: '4m' },
    quiet: [{ series: { 'xlreg_pool_failures_total{@}': '0 1+0x30' }, at: '25m' }],
  },
  XlregConnectionsNearLimit: {
    fires: {
      series: {
        ...steady('xlreg_admission_connections{@}', '91'),
        ...steady('xlreg_admission_connections_max{@}', '100'),
      },
      at: '5m',
    },
    quiet: [
      {
        series: {
          ...steady('xlreg_admission_connections{@}', '90'),
          ...steady('xlreg_admission_connections_max{@}', '100'),
        },
        at: '10m',
      },
    ],
  },
  XlregLimitsHit: {
    fires: {
      series: { 'xlreg_admission_drops_total{@,cause="hellos"}': '0+90x30' },
      at: '25m',
      labels: { cause: 'hellos' },
    },
    quiet: [{ series: { 'xlreg_admission_drops_total{@,cause="hellos"}': '0+30x30' }, at: '25m' }],
  },
  XlregRefusedShare: {
    fires: {
      series: {
        'xlreg_limit_refused_total{@,limit="hellos-per-address"}': '0+58x30',
        'xlreg_sessions_started_total{@,dialect="prefixed",transport="tcp"}': '0+242x30',
      },
      at: '15m',
    },
    quiet: [
      {
        series: {
          'xlreg_limit_refused_total{@,limit="hellos-per-address"}': '0+4x30',
          'xlreg_sessions_started_total{@,dialect="prefixed",transport="tcp"}': '0+96x30',
        },
        at: '15m',
      },
      { series: { 'xlreg_limit_refused_total{@,limit="hellos"}': '58+0x30' }, at: '15m' },
    ],
  },
  XlregLogLinesLost: {
    fires: { series: { 'xlreg_log_lines_dropped_total{@}': '0x10 0+1x20' }, at: '15m', labels: {} },
    quiet: [{ series: { 'xlreg_log_lines_dropped_total{@}': '7x30' }, at: '25m' }],
  },
  XlregTokenReplayed: {
    fires: { series: { 'xlreg_token_replays_total{@}': '0 0 1 1 1' }, at: '4m' },
    quiet: [{ series: { 'xlreg_token_replays_total{@}': '3+0x20' }, at: '15m' }],
  },
  XlregFaults: {
    fires: {
      series: { 'xlreg_faults_total{@,fault="iv-repeated"}': '0+90x30' },
      at: '29m',
      labels: { fault: 'iv-repeated' },
    },
    quiet: [{ series: { 'xlreg_faults_total{@,fault="iv-repeated"}': '0+30x30' }, at: '29m' }],
  },
};

/** The alerts that promtool expects; none if `labels` is undefined. */
function expected(alert: Alert, labels: Readonly<Record<string, string>> | undefined) {
  if (labels === undefined) return [];
  const all: Readonly<Record<string, string>> = { ...INSTANCE, ...labels };
  const summary = alert.summary.replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => all[name]!);
  return [
    { exp_labels: { ...all, severity: alert.severity }, exp_annotations: { summary, runbook_url: runbookOf(alert) } },
  ];
}

function testOf(alert: Alert, series: Series, at: string, labels: Readonly<Record<string, string>> | undefined) {
  const own = `job="${INSTANCE.job}",instance="${INSTANCE.instance}"`;
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name.replace('@', own), values })),
    alert_rule_test: [{ eval_time: at, alertname: alert.name, exp_alerts: expected(alert, labels) }],
  };
}

/** Runs promtool; throws with its output if it fails. */
function promtool(args: readonly string[], input = ''): string {
  try {
    return execFileSync(programs!.promtool, args, { encoding: 'utf8', input });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`promtool ${args.join(' ')}\n${stdout}${stderr}`);
  }
}

it('each alert has a case', () => {
  expect(Object.keys(CASES).sort()).toEqual(ALERTS.map(({ name }) => name).sort());
});

describe.skipIf(programs === undefined)('promtool', () => {
  it.each(ALERTS)('fires $name when it should and not otherwise', (alert) => {
    const { fires, quiet } = CASES[alert.name]!;
    const file = join(folder, `${alert.name}.yml`);
    const tests = [
      testOf(alert, fires.series, fires.at, fires.labels ?? {}),
      ...quiet.map(({ series, at }) => testOf(alert, series, at, undefined)),
    ];
    // JSON is YAML.
    const contents = { rule_files: [`${GRAFANA}alert-rules.yml`], evaluation_interval: '1m', tests };
    writeFileSync(file, JSON.stringify(contents));
    expect(promtool(['test', 'rules', file])).toContain('SUCCESS');
  });

  it('accepts the configuration and the rules', () => {
    expect(promtool(['check', 'config', `${GRAFANA}prometheus.yml`])).not.toContain('FAILED');
    expect(readFileSync(`${GRAFANA}prometheus.yml`, 'utf8')).toContain('alert-rules.yml');
  });

  it.each(['lmdb', 'memory'])('accepts the metrics with --store %s', async (store) => {
    const registry: RegistryProcess = await startRegistry({ args: ['--store', store] });
    const page = await registry.metrics();
    expect(await registry.stop()).toBe(0);
    expect(promtool(['check', 'metrics'], page)).toBe('');
  });
});
