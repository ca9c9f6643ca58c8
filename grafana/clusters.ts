// What the registry is for: clusters that fill.
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
            'Time until the last seat is taken, of clusters created since the start. A cluster that never fills is not in it.',
          unit: 's',
          queries: [0.5, 0.9, 0.99].map((share) => ({
            expr: quantile(share, 'xlreg_cluster_fill_seconds'),
            legend: `{{instance}} p${share * 100}`,
          })),
        },
        {
          title: 'Clusters filled a second',
          description: 'Of those created since the start.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_cluster_fill_seconds_count'), legend: '{{instance}}' }],
        },
        {
          title: 'Clusters',
          description: 'full: all seats are taken. filling: members are missing.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_table_clusters'), legend: '{{instance}} {{state}}' }],
        },
        {
          title: 'Seats',
          description:
            'Of all clusters. Many missing for long are nodes that did not come up, or clusters nobody needs.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_table_seats'), legend: '{{instance}} {{state}}' }],
        },
      ],
    },
    {
      title: 'Table',
      panels: [
        {
          title: 'Records',
          description: 'Clients and clusters are bounded by --max-registrations and --max-clusters.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_table_records'), legend: '{{instance}} {{kind}}' }],
        },
        {
          title: 'Forgotten a second',
          description: 'Clusters and registrations whose time was up.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_table_expired_total'), legend: '{{instance}}' }],
        },
        {
          title: 'Create, Join and GetCluster a second',
          description: 'Answered, refusals included.',
          unit: 'ops',
          queries: [
            { expr: rate('xlreg_messages_total', 'op=~"Create|Join|GetCluster"'), legend: '{{instance}} {{op}}' },
          ],
        },
      ],
    },
  ],
};
