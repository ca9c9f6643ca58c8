// The dashboard of clusters: how fast they fill, and what the table holds.
import { type Dashboard, gauge, quantile, rate } from './dashboard.ts';

export const clusters: Dashboard = {
  name: 'clusters',
  title: 'xlReg: clusters',
  rows: [
    {
      title: 'Clusters',
      panels: [
        {
          title: 'From creation to full',
          description:
            'Time from the Create to the last seat taken. It covers clusters created since the start of the server; clusters that never fill are not counted.',
          unit: 's',
          queries: [0.5, 0.9, 0.99].map((share) => ({
            expr: quantile(share, 'xlreg_cluster_fill_seconds'),
            legend: `{{instance}} p${share * 100}`,
          })),
        },
        {
          title: 'Clusters filled a second',
          description: 'Only clusters created since the start of the server are counted.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_cluster_fill_seconds_count'), legend: '{{instance}}' }],
        },
        {
          title: 'Clusters',
          description: 'full: every seat is taken. filling: at least one seat is free.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_table_clusters'), legend: '{{instance}} {{state}}' }],
        },
        {
          title: 'Seats',
          description:
            'Seats of all clusters. Seats that stay missing point to nodes that did not start, or to abandoned clusters.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_table_seats'), legend: '{{instance}} {{state}}' }],
        },
      ],
    },
    {
      title: 'Rounds',
      panels: [
        {
          title: 'Open rounds',
          description: 'Full clusters whose members have to confirm before they are complete.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_rounds_open'), legend: '{{instance}}' }],
        },
        {
          title: 'Rounds a second',
          description:
            'begun, completed, and expired: ended because members had not confirmed in time. Servers on one etcd count their own decisions.',
          unit: 'ops',
          queries: ['begun', 'completed', 'expired'].map((end) => ({
            expr: rate(`xlreg_rounds_${end}_total`),
            legend: `{{instance}} ${end}`,
          })),
        },
        {
          title: 'Seats removed a second',
          description: 'Seats of members that had not confirmed in time: nodes that died while their cluster formed.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_round_seats_removed_total'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Table',
      panels: [
        {
          title: 'Records',
          description: 'Records in the table. --max-registrations bounds clients; --max-clusters bounds clusters.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_table_records'), legend: '{{instance}} {{kind}}' }],
        },
        {
          title: 'Expired records a second',
          description: 'Registrations and clusters removed because they expired.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_table_expired_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Waiting connections',
          description: 'Connections parked with a GetCluster that waits for a change of its cluster.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_waits_parked'), legend: '{{instance}}' }],
        },
        {
          title: 'Waits woken and ended a second',
          description:
            'woken: resumed because of a change. The others are ends of waits by their reason; closed waits are unanswered.',
          unit: 'ops',
          queries: [
            { expr: rate('xlreg_waits_woken_total'), legend: '{{instance}} woken' },
            { expr: rate('xlreg_waits_ended_total'), legend: '{{instance}} {{end}}' },
          ],
        },
        {
          title: 'Create, Join and GetCluster a second',
          description: 'Answered requests, including refusals.',
          unit: 'ops',
          queries: [
            { expr: rate('xlreg_messages_total', 'op=~"Create|Join|GetCluster"'), legend: '{{instance}} {{op}}' },
          ],
        },
      ],
    },
  ],
};
