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
  ],
};
