// Section: the CPU time of each step of the data path, and of the crossing between threads.
import { measureBare } from '../measure/bare.ts';
import { cpuPerOp } from '../micro/cpu-per-op.ts';
import { measureCrossing } from '../micro/crossing.ts';
import { stages } from '../micro/stages.ts';
import type { Figure } from '../report/report.ts';
import type { Section } from './section.ts';

const BATCH_SIZES = [1, 4, 16, 64, 256];
const CALLS = 4_000;

export const micro: Section = {
  name: 'micro',
  question: 'How much CPU do the steps of the data path and a crossing to a worker take?',
  async measure(scope) {
    const bare = (await measureBare()).session;
    const share = (cost: number) => `${((cost / bare) * 100).toFixed(2)} % of bare`;
    const figures: Figure[] = [{ label: 'bare: all crypto of a session', value: bare, unit: 'us' }];
    for (const { label, run } of stages()) {
      const cpu = cpuPerOp(run);
      figures.push({ label, value: cpu, unit: 'us', remark: share(cpu) });
    }
    const crossing = await measureCrossing(BATCH_SIZES, scope.amount(CALLS));
    for (const { frames, copied, shared } of crossing) {
      const label = `crossing: one frame, ${frames} in a call`;
      figures.push({ label: `${label}, copied`, value: copied, unit: 'us', remark: share(copied) });
      figures.push({ label: `${label}, shared memory`, value: shared, unit: 'us', remark: share(shared) });
    }
    return {
      figures,
      plots: [
        {
          title: 'Crossing to a worker and back, CPU of a frame',
          xLabel: 'frames in a call',
          yLabel: 'us of both threads',
          series: [
            { label: 'copied', points: crossing.map(({ frames, copied }) => [frames, copied] as const) },
            { label: 'shared memory', points: crossing.map(({ frames, shared }) => [frames, shared] as const) },
          ],
        },
      ],
      notes: [
        'Steps: CPU time of one thread, the median of five stretches. Crossing: CPU time of the process; the worker does no work.',
      ],
    };
  },
};
