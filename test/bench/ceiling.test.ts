// The ceiling of a process: computed from the CPU time of its threads, and measured with one front end.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { ceilingOf } from '../../bench/capacity-model/ceiling.ts';
import { parseThreads } from '../../bench/ceiling/thread-readings.ts';

const CEILING = fileURLToPath(new URL('../../dist/bench/ceiling/main.js', import.meta.url));
const COST = { front: 250, coordinator: 100, workers: 650 };

describe('the ceiling of a process', () => {
  it('is that of its cores while they are few', () => {
    expect(ceilingOf(COST, 1, 2)).toEqual({ part: 'cores', rate: 2_000 });
  });

  it('is that of its front ends, then of its coordinator', () => {
    expect(ceilingOf(COST, 1, 16)).toEqual({ part: 'front ends', rate: 4_000 });
    expect(ceilingOf(COST, 2, 16)).toEqual({ part: 'front ends', rate: 8_000 });
    expect(ceilingOf(COST, 4, 16)).toEqual({ part: 'coordinator', rate: 10_000 });
  });
});

it('reads CPU time by thread and sessions by front end from a page of metrics', () => {
  const page = [
    'xlreg_thread_cpu_seconds_total{thread="main"} 1.5',
    'xlreg_thread_cpu_seconds_total{thread="front-1"} 1.25',
    'xlreg_front_sessions_started_total{front="0"} 10',
    'xlreg_front_sessions_started_total{front="1"} 12',
  ];
  const { cpuSeconds, started } = parseThreads(page.join('\n'));
  expect(Object.fromEntries(cpuSeconds)).toEqual({ main: 1.5, 'front-1': 1.25 });
  expect(started).toEqual([10, 12]);
});

it('measures a server with one front end', async () => {
  const shape = ['--fronts', '1', '--sessions', '64', '--warm-up', '16', '--connections', '8', '--store', 'memory'];
  const { stdout } = await promisify(execFile)(process.execPath, [CEILING, ...shape]);
  expect(stdout).toMatch(/^1 front end: \d+ us of CPU a session in all$/m);
  for (const thread of ['main', 'coordinator']) {
    expect(stdout).toMatch(new RegExp(`^  ${thread} +\\d+ us a session, full at \\d+ sessions/s`, 'm'));
  }
  expect(stdout).toMatch(/^ {4}16 cores +\d+ {2}\((front ends|coordinator|cores)\)$/m);
});
