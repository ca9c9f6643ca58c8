// The dashboard of the pool: where the time of Hellos and messages goes, in the queue and on the workers.
import { type Dashboard, gauge, quantile, rate } from './dashboard.ts';

const HANDSHAKE = 'stage=~"hello-wait|hello|hello-rest"';
const MESSAGE = 'stage=~"message-wait|open|ask|seal"';

export const cryptoPool: Dashboard = {
  name: 'crypto-pool',
  title: 'xlReg: crypto pool',
  rows: [
    {
      title: 'Handshake',
      panels: [
        {
          title: 'Handshake, mean by part',
          description:
            'hello-wait: waiting in the queue. hello: the RSA operation. hello-rest: transfer to the worker and back, and other jobs of that worker.',
          unit: 's',
          queries: [
            {
              expr: `${rate('xlreg_stage_seconds_sum', HANDSHAKE)} / ${rate('xlreg_stage_seconds_count', HANDSHAKE)}`,
              legend: '{{instance}} {{stage}}',
            },
          ],
        },
        {
          title: 'Handshake, p99 by part',
          description: 'The parts are those of the panel on the left.',
          unit: 's',
          queries: [
            { expr: quantile(0.99, 'xlreg_stage_seconds', ['stage'], HANDSHAKE), legend: '{{instance}} {{stage}}' },
          ],
        },
        {
          title: 'Hellos a second',
          description: 'Hellos that a worker has processed, valid or not.',
          unit: 'ops',
          queries: [{ expr: rate('xlreg_stage_seconds_count', 'stage="hello"'), legend: '{{instance}}' }],
        },
      ],
    },
    {
      title: 'Messages',
      panels: [
        {
          title: 'Message, mean by part',
          description:
            'message-wait: waiting in the queue. open: decrypt, decode, verify. ask: the coordinator, including its commit. seal: encode, encrypt.',
          unit: 's',
          queries: [
            {
              expr: `${rate('xlreg_stage_seconds_sum', MESSAGE)} / ${rate('xlreg_stage_seconds_count', MESSAGE)}`,
              legend: '{{instance}} {{stage}}',
            },
          ],
        },
        {
          title: 'Message, p99 by part',
          description: 'The parts are those of the panel on the left.',
          unit: 's',
          queries: [
            { expr: quantile(0.99, 'xlreg_stage_seconds', ['stage'], MESSAGE), legend: '{{instance}} {{stage}}' },
          ],
        },
        {
          title: 'Round trip to a worker, p99',
          description: 'Time that a job spends outside the main thread.',
          unit: 's',
          queries: [
            {
              expr: quantile(0.99, 'xlreg_stage_seconds', ['stage'], 'stage=~".*-call"'),
              legend: '{{instance}} {{stage}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Pool',
      panels: [
        {
          title: 'Jobs waiting',
          description:
            'Hellos and messages have separate queues. A connection whose job finds its queue full is closed with the end `overload`.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_pool_queue_frames'), legend: '{{instance}} {{kind}}' }],
        },
        {
          title: 'Connections closed by overload, a second',
          description:
            'Connections closed because the queue of the pool was full: Hellos arrive faster than the cores can serve them.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (instance) (${rate('xlreg_sessions_ended_total', 'end="overload"')}) or 0 * ${gauge('xlreg_admission_connections')}`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Jobs in one hand-over, mean',
          description:
            'Jobs handed to one worker in one turn of the event loop. Larger hand-overs cost less for each job.',
          unit: 'short',
          queries: [
            {
              expr: `${rate('xlreg_pool_batch_frames_sum')} / ${rate('xlreg_pool_batch_frames_count')}`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'CPU of the workers',
          description: 'Cores in use by each worker. When every worker is near 1, the pool is the bottleneck.',
          unit: 'percentunit',
          queries: [
            { expr: rate('xlreg_thread_cpu_seconds_total', 'thread=~"worker-.*"'), legend: '{{instance}} {{thread}}' },
          ],
        },
        {
          title: 'Failed workers',
          description:
            'Failures since the start. A failed worker is replaced and the connections of its jobs are closed. Five failures within a minute end the process.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_pool_failures_total'), legend: '{{instance}}' }],
        },
      ],
    },
  ],
};
