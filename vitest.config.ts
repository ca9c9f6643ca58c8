import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { canSharePorts } from './src/runtime/port-sharing.ts';

/** Files that start first: a one-minute file that starts last would leave the other core idle. */
const LONGEST = [
  ...['durability/kill', 'cli/join', 'cli/keys', 'identity/data-directory-machines', 'admin/status-page-operation'],
  ...['etcd/cluster', 'etcd/trouble', 'bench/commands', 'cli/wait-for-registry', 'server/load-balancers'],
  ...['server/exit-codes', 'server/output-trouble', 'net/limits', 'net/http-limits', 'backup/scheduled'],
  ...['identity/data-directory-lock', 'etcd/two-servers', 'forming/lmdb', 'forming/etcd-two-servers'],
  ...['front/node-22', 'cli/json-output', 'bad-input/rosters', 'server/stuck-thread'],
  ...['forming/etcd-one-server', 'forming/old-dialects', 'browser/forming', 'client/join-cluster-registry'],
];

/** test/front/node-22.test.ts runs them if the running Node cannot. */
const SEVERAL_FRONTS = ['test/front/several-fronts.test.ts'];

/** Starts LONGEST first. Without timings of earlier runs Vitest sorts by file size, which predicts run time badly. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => LONGEST.some((name) => moduleId.endsWith(`/${name}.test.ts`));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // npm run test:packages runs these.
    exclude: [...configDefaults.exclude, 'test/packages/**', ...(canSharePorts() ? [] : SEVERAL_FRONTS)],
    globalSetup: ['test/support/before-all.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    // Far above what a test takes on a busy machine: it ends tests that hang.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // For two cores: files also wait for deadlines and disks, and a third uses that time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
  },
});
