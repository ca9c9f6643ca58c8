// npm run bench:wait: what requests that wait cost and gain (V5). Three parts: many parked connections on complete
// clusters; the time in which a move reaches all 64 waiters of its cluster; and a forming cluster of 64, whose members
// wait or poll.
import { parseArgs } from 'node:util';
import { FlagReader } from '../flags.ts';
import { forming } from './forming.ts';
import { moves } from './moves.ts';
import { parked } from './parked.ts';

const USAGE = 'npm run bench:wait -- [--only parked|moves|forming] [--waiters N] [--moves N] [--clusters N]';

const flags = new FlagReader(USAGE);
const { values } = flags.parse(() =>
  parseArgs({
    options: {
      only: { type: 'string' },
      waiters: { type: 'string', default: '10000' },
      moves: { type: 'string', default: '300' },
      clusters: { type: 'string', default: '10' },
    },
  }),
);
const PARTS = {
  parked: () => parked(flags.whole('waiters', values.waiters)),
  moves: () => moves(flags.whole('moves', values.moves)),
  forming: () => forming(flags.whole('clusters', values.clusters)),
} as const;
const names = Object.keys(PARTS) as (keyof typeof PARTS)[];
const only = values.only === undefined ? names : [flags.oneOf('only', values.only, names)];
for (const name of only) await PARTS[name]();
