// Member processes that are killed while their cluster forms, with two servers on one etcd. A killed member comes back
// at the other server.
import { describe } from 'vitest';
import { etcdPrograms } from '../support/debian-programs.ts';
import { describeKills } from './kill-matrix.ts';

const programs = etcdPrograms();

describe.skipIf(programs === undefined)('with two servers on etcd', () => {
  describeKills({ store: 'etcd', servers: 2, program: programs?.etcd });
});
