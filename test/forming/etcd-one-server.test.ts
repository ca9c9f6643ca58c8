// Member processes that are killed while their cluster forms, with one server on etcd: the stages from the last Join on,
// in which its rounds differ from those of other stores.
import { describe } from 'vitest';
import { etcdPrograms } from '../support/debian-programs.ts';
import { describeKills } from './kill-matrix.ts';
import { FULL_STAGES } from './killed-member.ts';

const programs = etcdPrograms();

describe.skipIf(programs === undefined)('with one server on etcd', () => {
  describeKills({ store: 'etcd', servers: 1, program: programs?.etcd }, FULL_STAGES);
});
