// The coordinator and the store: what waits for the disk, and how much room there is.
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
          description: 'For the batch under way; bounded by 64 slots of each worker.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_coordinator_queue_commands'), legend: '{{instance}}' }],
        },
        {
          title: 'Commands in a batch, mean',
          description:
            'Applied together and committed at once: grows with the load, so that the disk is asked no more often.',
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
          description: 'Clients, clusters and seats that were written.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_coordinator_changes_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Coordinator silent',
          description:
            'Since its thread has told of itself, which it does ten times a second unless it waits for the disk.',
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
          description: 'Applying a batch and committing it, the way to the disk included.',
          unit: 's',
          queries: p50And99('xlreg_coordinator_commit_seconds'),
        },
        {
          title: 'Write and fsync',
          description: "The part of a commit that is the disk's. No data with --store memory.",
          unit: 's',
          queries: p50And99('xlreg_store_sync_seconds'),
        },
        {
          title: 'Size and room',
          description: 'Of the file, and what it may still grow by: to --store-bytes-max or the end of the disk.',
          unit: 'bytes',
          queries: [
            { expr: gauge('xlreg_store_size_bytes'), legend: '{{instance}} size' },
            { expr: gauge('xlreg_store_room_bytes'), legend: '{{instance}} room' },
          ],
        },
        {
          title: 'Full',
          description: '1: what would change the table is refused (cannot-store) until there is room again.',
          unit: 'bool_yes_no',
          queries: [{ expr: gauge('xlreg_store_full'), legend: '{{instance}}' }],
        },
        {
          title: 'Time to load the table',
          description: 'At the last start.',
          unit: 's',
          queries: [{ expr: gauge('xlreg_store_load_seconds'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'etcd (no data with other stores)',
      panels: [
        {
          title: 'Out of reach',
          description: '1: etcd does not answer, or the table is behind it; what would change the table is refused.',
          unit: 'bool_yes_no',
          queries: [{ expr: gauge('xlreg_store_unreachable'), legend: '{{instance}}' }],
        },
        {
          title: 'Request',
          description: 'Until etcd has answered: a change when a majority has it on disk.',
          unit: 's',
          queries: p50And99('xlreg_store_request_seconds'),
        },
        {
          title: 'Requests a second',
          description: 'In front of each batch one for the last change, behind it some for what it changes.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_request_seconds_count'), legend: '{{instance}}' }],
        },
        {
          title: 'Requests not answered, a second',
          description: 'Refused, or not answered in time; made again with the next server if there was time.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_request_failures_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Catching up',
          description:
            'In front of each batch: asking for the last change, and waiting until the watch has brought it.',
          unit: 's',
          queries: p50And99('xlreg_store_catch_up_seconds'),
        },
        {
          title: 'Revisions behind',
          description: 'What the watch had to go at the last catching up.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_store_behind_revisions'), legend: '{{instance}}' }],
        },
        {
          title: 'Whole table read again, a second',
          description: 'The watch could not go on, or etcd was another than it was: a restored backup, a compaction.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_store_read_again_total'), legend: '{{instance}}' }],
        },
      ],
    },
  ],
};
