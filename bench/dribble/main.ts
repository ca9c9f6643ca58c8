// npm run bench:dribble: latency of new sessions while other sessions dribble their messages. See bench/README.md.
import { parseArgs } from 'node:util';
import { BLOCK_BYTES, MESSAGE_BYTES_MAX } from '../../src/limits.ts';
import { FlagReader } from '../flags.ts';
import { type LoadShape, PreparedLoad } from '../load/load-and-cpu.ts';
import { withServer } from '../measure/server-process.ts';
import { Attack } from './attack.ts';

const USAGE = 'npm run bench:dribble -- [--connections 200] [--rate 100] [--seconds 4] [--rounds 5]';
const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      connections: { type: 'string', default: '200' },
      rate: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '4' },
      rounds: { type: 'string', default: '5' },
    },
  }),
);
const connections = flags.whole('connections', values.connections);
const rate = flags.positive('rate', values.rate);
const count = Math.ceil(rate * flags.positive('seconds', values.seconds));
const shape: LoadShape = {
  transport: 'tcp',
  dialect: 'prefixed',
  work: { kind: 'hello' },
  arrivals: { mode: 'open', rate, spacing: 'poisson', seed: 1, inFlightMax: 4_096 },
  count,
  prefix: `d${Date.now().toString(36)}-`,
};

await withServer(['--store', 'memory'], async (server) => {
  const load = await PreparedLoad.prepare(server, shape);
  await load.warmUp(500);
  for (let round = 1; round <= flags.whole('rounds', values.rounds); round++) {
    for (const [name, segmentBytes] of [
      ['quiet', undefined],
      ['control', MESSAGE_BYTES_MAX],
      ['attacked', BLOCK_BYTES],
    ] as const) {
      const { regCredText } = server;
      const attacker = segmentBytes && (await Attack.start({ regCredText, connections, segmentBytes }));
      const started = performance.now();
      const { latency, cpu, completed } = await load.run();
      const segments = attacker ? await attacker.stop() : 0;
      const seconds = (performance.now() - started) / 1_000;
      const percentiles = [50, 99].map((percent) => latency.percentile(percent).toFixed(1)).join(' ');
      const cores = (cpu * completed) / 1e6 / seconds;
      console.log(
        `round ${round} ${name.padEnd(8)} p50 p99 ${percentiles} ms, server CPU ${cores.toFixed(2)} cores, ` +
          `${(segments / seconds).toFixed(0)} segments/s`,
      );
    }
  }
  await load.release();
});
