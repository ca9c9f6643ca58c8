// Member processes that are killed while their cluster forms, with one server on lmdb.
import { describeKills } from './kill-matrix.ts';

describeKills({ store: 'lmdb', servers: 1 });
