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
  /**
   * Series and time at which the alert fires, its labels besides job and instance, and the value as the summary has it.
   */
  readonly fires: {
    readonly series: Series;
    readonly at: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly value?: string;
  };
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

/** Hellos, 100 a minute, `above` of which waited longer than 0.1 s and took longer than that. */
const handshake = (above: number): Series => ({
  ...late('xlreg_stage_seconds', ',stage="hello-wait"', above),
  ...late('xlreg_stage_seconds', ',stage="hello-call"', above),
});
/** 100 connections a minute without those that a limit `dropped`; `refused` of them ask for more than their share. */
const connections = (dropped: number, refused: number, started = 100): Series => ({
  'xlreg_admission_drops_total{@,cause="hellos"}': `0+${dropped}x60`,
  'xlreg_sessions_started_total{@,dialect="chained",transport="tcp"}': `0+${started}x60`,
  'xlreg_refusals_total{@,refusal="seats-per-client"}': `0+${refused}x60`,
  'xlreg_refusals_total{@,refusal="cluster-unknown"}': '0+90x60',
});
const backup = (last: string, interval: string): Series => ({
  ...steady('xlreg_backup_last_success_timestamp_seconds{@}', last),
  ...steady('xlreg_backup_interval_seconds{@}', interval),
});
const DAY = 86_400;

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
    fires: { series: { 'process_start_time_seconds{@}': '1 1 2 2 3 3 4 4 4 4' }, at: '9m', value: '3' },
    quiet: [{ series: { 'process_start_time_seconds{@}': '1 1 2 2 2 2 3 3 3 3' }, at: '9m' }],
  },
  XlregCoordinatorSilent: {
    fires: { series: steady('xlreg_coordinator_silent_seconds{@}', '9'), at: '2m', value: '9s' },
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
    fires: { series: slower('xlreg_store_request_seconds', 2), at: '15m', value: '625ms' },
    quiet: [
      { series: slower('xlreg_store_request_seconds', 0), at: '30m' },
      { series: slower('xlreg_store_request_seconds', 2), at: '5m' },
    ],
  },
  XlregStoreFillsUp: {
    fires: { series: { 'xlreg_store_room_bytes{@}': '1000000-200x400' }, at: '390m', value: '-224.6ki' },
    quiet: [
      { series: { 'xlreg_store_room_bytes{@}': '1000000-20x400' }, at: '390m' },
      // --store memory.
      { series: { 'xlreg_store_room_bytes{@}': '+Inf+0x400' }, at: '390m' },
    ],
  },
  XlregDiskSlow: {
    fires: { series: late('xlreg_store_sync_seconds', '', 2), at: '15m', value: '550ms' },
    quiet: [
      { series: late('xlreg_store_sync_seconds', '', 0), at: '30m' },
      { series: late('xlreg_store_sync_seconds', '', 2), at: '5m' },
    ],
  },
  XlregTableFull: {
    fires: {
      series: { 'xlreg_refusals_total{@,refusal="registry-full"}': '0 0 1 1 1' },
      at: '4m',
      value: '1',
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
      value: '10.0',
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
      value: '0.05',
    },
    quiet: [
      { series: { 'xlreg_sessions_ended_total{@,dialect="none",transport="tcp",end="bye"}': '0+3x30' }, at: '10m' },
    ],
  },
  XlregThreadBusy: {
    fires: {
      series: { 'xlreg_thread_cpu_seconds_total{@,thread="main"}': '0+57x60' },
      at: '20m',
      value: '95%',
      labels: { thread: 'main' },
    },
    quiet: [{ series: { 'xlreg_thread_cpu_seconds_total{@,thread="main"}': '0+50x60' }, at: '30m' }],
  },
  XlregEventLoopLate: {
    fires: {
      series: late('xlreg_thread_event_loop_delay_seconds', ',thread="main"', 2),
      at: '15m',
      value: '550ms',
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
      value: '90%',
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
    fires: { series: { 'xlreg_pool_failures_total{@}': '0 0 1 1 1' }, at: '4m', value: '1' },
    quiet: [{ series: { 'xlreg_pool_failures_total{@}': '0 1+0x30' }, at: '25m' }],
  },
  XlregFrontFailed: {
    fires: { series: { 'xlreg_front_failures_total{@}': '0 0 1 1 1' }, at: '4m', value: '1' },
    quiet: [{ series: { 'xlreg_front_failures_total{@}': '0 1+0x30' }, at: '25m' }],
  },
  XlregConnectionsNearLimit: {
    fires: {
      series: {
        ...steady('xlreg_admission_connections{@}', '91'),
        ...steady('xlreg_admission_connections_max{@}', '100'),
      },
      at: '5m',
      value: '91%',
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
      value: '1.5',
      labels: { cause: 'hellos' },
    },
    quiet: [{ series: { 'xlreg_admission_drops_total{@,cause="hellos"}': '0+30x30' }, at: '25m' }],
  },
  XlregLogLinesLost: {
    fires: { series: { 'xlreg_log_lines_dropped_total{@}': '0x10 0+1x20' }, at: '15m', value: '4', labels: {} },
    quiet: [{ series: { 'xlreg_log_lines_dropped_total{@}': '7x30' }, at: '25m' }],
  },
  XlregAuditLinesLost: {
    fires: { series: { 'xlreg_audit_lines_lost_total{@}': '0x10 0+1x20' }, at: '15m', labels: {} },
    quiet: [{ series: { 'xlreg_audit_lines_lost_total{@}': '7x30' }, at: '25m' }],
  },
  XlregTokenReplayed: {
    fires: { series: { 'xlreg_token_replays_total{@}': '0 0 1 1 1' }, at: '4m', value: '1' },
    quiet: [{ series: { 'xlreg_token_replays_total{@}': '3+0x20' }, at: '15m' }],
  },
  XlregFaults: {
    fires: {
      series: { 'xlreg_faults_total{@,fault="iv-repeated"}': '0+90x30' },
      at: '29m',
      value: '1.5',
      labels: { fault: 'iv-repeated' },
    },
    quiet: [{ series: { 'xlreg_faults_total{@,fault="iv-repeated"}': '0+30x30' }, at: '29m' }],
  },
  XlregHandshakeSlow: {
    fires: { series: handshake(2), at: '15m', value: '1.1s' },
    quiet: [
      { series: handshake(0), at: '30m' },
      { series: handshake(2), at: '5m' },
    ],
  },
  XlregRefusedShare: {
    fires: { series: connections(6, 4), at: '15m', value: '9.434%' },
    quiet: [
      { series: connections(3, 1), at: '30m' },
      { series: connections(6, 4), at: '8m' },
      // An idle registry.
      { series: connections(0, 0, 0), at: '30m' },
    ],
  },
  XlregFilesNearLimit: {
    fires: {
      series: { ...steady('process_open_fds{@}', '95'), ...steady('process_max_fds{@}', '100') },
      at: '5m',
      value: '95%',
    },
    quiet: [{ series: { ...steady('process_open_fds{@}', '80'), ...steady('process_max_fds{@}', '100') }, at: '10m' }],
  },
  XlregCertificateExpires: {
    fires: {
      series: steady('xlreg_certificate_expiry_timestamp_seconds{@,listener="ws"}', String(10 * DAY)),
      at: '60m',
      value: '9d 23h 0m 0s',
      labels: { listener: 'ws' },
    },
    quiet: [
      { series: steady('xlreg_certificate_expiry_timestamp_seconds{@,listener="ws"}', String(10 * DAY)), at: '30m' },
      { series: steady('xlreg_certificate_expiry_timestamp_seconds{@,listener="ws"}', String(15 * DAY)), at: '90m' },
    ],
  },
  XlregCertificateExpired: {
    fires: {
      series: steady('xlreg_certificate_expiry_timestamp_seconds{@,listener="admin"}', String(DAY)),
      at: '60m',
      value: '23h 0m 0s',
      labels: { listener: 'admin' },
    },
    quiet: [
      { series: steady('xlreg_certificate_expiry_timestamp_seconds{@,listener="admin"}', String(2 * DAY)), at: '60m' },
    ],
  },
  XlregReloadFailed: {
    fires: {
      series: { 'xlreg_reloads_total{@,result="failure"}': '0 0 1 1 1' },
      at: '4m',
      value: '1',
      labels: { result: 'failure' },
    },
    quiet: [
      { series: { 'xlreg_reloads_total{@,result="success"}': '0 0 1 1 1' }, at: '4m' },
      { series: { 'xlreg_reloads_total{@,result="failure"}': '0 1+0x30' }, at: '25m' },
    ],
  },
  XlregBackupFailed: {
    fires: {
      series: { 'xlreg_backups_total{@,result="failure"}': '0 0 1 1 1' },
      at: '4m',
      value: '1',
      labels: { result: 'failure' },
    },
    quiet: [
      { series: { 'xlreg_backups_total{@,result="success"}': '0 0 1 1 1' }, at: '4m' },
      { series: { 'xlreg_backups_total{@,result="failure"}': '0 1+0x90' }, at: '85m' },
    ],
  },
  XlregBackupTooOld: {
    fires: { series: backup('60', '3600'), at: '140m', value: '2h 19m 0s' },
    quiet: [
      { series: backup('60', '3600'), at: '130m' },
      // Without --backup-dir.
      { series: { 'up{@}': '1+0x400' }, at: '300m' },
    ],
  },
  XlregBackupMissing: {
    fires: { series: backup('0', '3600'), at: '30m' },
    quiet: [
      { series: backup('0', '3600'), at: '20m' },
      { series: backup('60', '3600'), at: '60m' },
      // Without --backup-dir.
      { series: { 'up{@}': '1+0x400' }, at: '300m' },
    ],
  },
};

/** The alerts that promtool expects; none if `labels` is undefined. */
function expected(alert: Alert, labels: Readonly<Record<string, string>> | undefined, value = '') {
  if (labels === undefined) return [];
  const all: Readonly<Record<string, string>> = { ...INSTANCE, ...labels };
  const summary = alert.summary
    .replace(/\{\{ \$labels\.(\w+) \}\}/g, (_, name: string) => all[name]!)
    .replace(/\{\{ \$value[^}]*\}\}/, value);
  return [
    { exp_labels: { ...all, severity: alert.severity }, exp_annotations: { summary, runbook_url: runbookOf(alert) } },
  ];
}

function testOf(
  alert: Alert,
  series: Series,
  at: string,
  labels: Readonly<Record<string, string>> | undefined,
  value?: string,
) {
  const own = `job="${INSTANCE.job}",instance="${INSTANCE.instance}"`;
  return {
    interval: '1m',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name.replace('@', own), values })),
    alert_rule_test: [{ eval_time: at, alertname: alert.name, exp_alerts: expected(alert, labels, value) }],
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
      testOf(alert, fires.series, fires.at, fires.labels ?? {}, fires.value),
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
