// The dashboard of the coordinator and the store: commit latency, free space, and etcd.
import { type Dashboard, gauge, quantile, rate } from './dashboard.ts';

const p50And99 = (histogram: string) => [
  { expr: quantile(0.5, histogram), legend: '{{instance}} p50' },
  { expr: quantile(0.99, histogram), legend: '{{instance}} p99' },
];

export const store: Dashboard = {
  name: 'store',
  title: 'xlReg: store',
  rows: [
    {
      title: 'Coordinator',
      panels: [
        {
          title: 'Commands waiting',
          description: 'Commands that wait for the current batch to commit. The bound is 64 slots for each worker.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_coordinator_queue_commands'), legend: '{{instance}}' }],
        },
        {
          title: 'Commands in a batch, mean',
          description:
            'Commands applied and committed together. Batches grow with the load, so the number of commits does not.',
          unit: 'short',
          queries: [
            {
              expr: `${rate('xlreg_coordinator_batch_commands_sum')} / ${rate('xlreg_coordinator_batch_commands_count')}`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Records stored a second',
          description: 'Clients, clusters and seats written or removed.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_coordinator_changes_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Coordinator silent',
          description:
            'Time since the coordinator last published its statistics. It does so ten times a second unless it waits for the disk.',
          unit: 's',
          queries: [{ expr: gauge('xlreg_coordinator_silent_seconds'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Disk',
      panels: [
        {
          title: 'Commit',
          description: 'Time to apply a batch and commit it, including the disk sync.',
          unit: 's',
          queries: p50And99('xlreg_coordinator_commit_seconds'),
        },
        {
          title: 'Write and fsync',
          description: 'The disk part of a commit. No data with --store memory.',
          unit: 's',
          queries: p50And99('xlreg_store_sync_seconds'),
        },
        {
          title: 'Size and free space',
          description:
            'Size of the file, and how far it can still grow: up to --store-bytes-max or the free space of the disk.',
          unit: 'bytes',
          queries: [
            { expr: gauge('xlreg_store_size_bytes'), legend: '{{instance}} size' },
            { expr: gauge('xlreg_store_room_bytes'), legend: '{{instance}} room' },
          ],
        },
        {
          title: 'Full',
          description: '1: changes of the table are refused (cannot-store) until space is free again.',
          unit: 'bool_yes_no',
          queries: [{ expr: gauge('xlreg_store_full'), legend: '{{instance}}' }],
        },
        {
          title: 'Time to load the table',
          description: 'Duration of the load at the last start.',
          unit: 's',
          queries: [{ expr: gauge('xlreg_store_load_seconds'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Backups (no data without --backup-dir)',
      panels: [
        {
          title: 'Age of the last good backup',
          description: 'Time since the begin of the last good scheduled backup, and the time between two.',
          unit: 's',
          queries: [
            { expr: `time() - ${gauge('xlreg_backup_last_success_timestamp_seconds')}`, legend: '{{instance}} age' },
            { expr: gauge('xlreg_backup_interval_seconds'), legend: '{{instance}} interval' },
          ],
        },
        {
          title: 'Attempts in an hour',
          description: 'A failed attempt is logged with its reason, and repeated with growing pauses.',
          unit: 'short',
          queries: [{ expr: `increase(${gauge('xlreg_backups_total')}[1h])`, legend: '{{instance}} {{result}}' }],
        },
        {
          title: 'Duration',
          description: 'Time of the last good backup, verification included. 0 before the first since the start.',
          unit: 's',
          queries: [{ expr: gauge('xlreg_backup_last_duration_seconds'), legend: '{{instance}}' }],
        },
        {
          title: 'Size',
          description: 'Size of the table in the last good backup. 0 before the first since the start.',
          unit: 'bytes',
          queries: [{ expr: gauge('xlreg_backup_last_size_bytes'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'etcd (no data with other stores)',
      panels: [
        {
          title: 'Unreachable',
          description: '1: etcd does not answer, or the table is behind it. Changes of the table are refused.',
          unit: 'bool_yes_no',
          queries: [{ expr: gauge('xlreg_store_unreachable'), legend: '{{instance}}' }],
        },
        {
          title: 'Request',
          description: 'Time until etcd answers. It answers a change once a majority has the change on disk.',
          unit: 's',
          queries: p50And99('xlreg_store_request_seconds'),
        },
        {
          title: 'Requests a second',
          description: 'Each batch reads the latest revision first, and writes its changes afterwards.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_request_seconds_count'), legend: '{{instance}}' }],
        },
        {
          title: 'Failed requests a second',
          description: 'Requests refused or timed out. The store retries with the next etcd server if time is left.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_request_failures_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Requests a second, by server of etcd',
          description: 'Answered and failed requests. After a failure the registry goes on with the next server.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_server_requests_total'), legend: '{{instance}} {{server}} {{result}}' }],
        },
        {
          title: 'Server of etcd in use',
          description: '1: the last request went to this server.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_store_server_in_use'), legend: '{{instance}} {{server}}' }],
        },
        {
          title: 'Catch-up',
          description:
            'Time before each batch to read the latest revision and to wait until the watch has delivered it.',
          unit: 's',
          queries: p50And99('xlreg_store_catch_up_seconds'),
        },
        {
          title: 'Servers of etcd that answer',
          description: '1 for each server of etcd that answered its last probe, 0 for one that did not.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_store_server_up'), legend: '{{instance}} {{server}}' }],
        },
        {
          title: 'Revisions behind',
          description: 'Revisions that the watch was behind at the last catch-up.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_store_behind_revisions'), legend: '{{instance}}' }],
        },
        {
          title: 'Full reloads of the table, a second',
          description: 'The watch could not resume (compaction), or etcd lost its history (restored backup).',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_read_again_total'), legend: '{{instance}}' }],
        },
      ],
    },
  ],
};
