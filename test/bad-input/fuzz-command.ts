// npm run fuzz:sealed -- [--frames 10000000] [--connections 20000] [--seed N]: fuzzes the sealed dialect, in process and
// over sockets, on the present build.

import { parseArgs } from 'node:util';
import { fuzzSockets } from './fuzz-sockets.ts';
import { fuzzWorker } from './fuzz-worker.ts';

const { values } = parseArgs({
  options: {
    frames: { type: 'string', default: '10000000' },
    connections: { type: 'string', default: '20000' },
    seed: { type: 'string' },
  },
});
const seed = Number(values.seed ?? Date.now() % 2 ** 31);
console.log(`seed ${seed}`);
const worker = fuzzWorker(Number(values.frames), seed, console.log);
console.log('in process', JSON.stringify(worker));
const sockets = await fuzzSockets(Number(values.connections), seed, console.log);
console.log('over sockets', JSON.stringify(sockets));
process.exitCode = worker.broken.length + sockets.broken.length === 0 ? 0 : 1;
