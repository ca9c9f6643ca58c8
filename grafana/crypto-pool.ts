// Where the time of Hellos and messages goes, in front of the workers and within them.
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
            'hello-wait: in the queue. hello: the RSA operation. hello-rest: the way to the worker and back, and other jobs there.',
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
          description: 'Parts as in the panel beside it.',
          unit: 's',
          queries: [
            { expr: quantile(0.99, 'xlreg_stage_seconds', ['stage'], HANDSHAKE), legend: '{{instance}} {{stage}}' },
          ],
        },
        {
          title: 'Hellos a second',
          description: 'Those that a worker has looked at, good or bad.',
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
            'message-wait: in the queue. open: decrypt, decode, verify. ask: the coordinator, its commit included. seal: encode, encrypt.',
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
          description: 'Parts as in the panel beside it.',
          unit: 's',
          queries: [
            { expr: quantile(0.99, 'xlreg_stage_seconds', ['stage'], MESSAGE), legend: '{{instance}} {{stage}}' },
          ],
        },
        {
          title: 'From hand-over to return, p99',
          description: 'All that happens to a frame outside the main thread.',
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
          title: 'Frames waiting',
          description: 'Hellos and session messages queue apart. What finds no room is closed with the end `overload`.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_pool_queue_frames'), legend: '{{instance}} {{kind}}' }],
        },
        {
          title: 'Turned away a second',
          description:
            'Connections that found no room in front of the pool: more Hellos come than the cores can serve.',
          unit: 'ops',
          queries: [
            {
              expr: `sum by (instance) (${rate('xlreg_sessions_ended_total', 'end="overload"')}) or 0 * ${gauge('xlreg_admission_connections')}`,
              legend: '{{instance}}',
            },
          ],
        },
        {
          title: 'Frames handed over at once, mean',
          description: 'To one worker in one turn of the loop: the more, the less each crossing costs.',
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
          description: 'At 1 for all of them the pool is what limits the registry.',
          unit: 'percentunit',
          queries: [
            { expr: rate('xlreg_thread_cpu_seconds_total', 'thread=~"worker-.*"'), legend: '{{instance}} {{thread}}' },
          ],
        },
        {
          title: 'Workers that failed',
          description:
            'Since the start. Each was replaced; the connections of its jobs were closed. Five within a minute end the process.',
          unit: 'short',
          queries: [{ expr: gauge('xlreg_pool_failures_total'), legend: '{{instance}}' }],
        },
      ],
    },
  ],
};
