import { configDefaults, defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that start first: a one-minute file that starts last would leave the other core idle. */
const LONGEST = [
  ...['durability/kill', 'etcd/cluster', 'bench/commands', 'etcd/trouble', 'cli/join', 'cli/wait-for-registry'],
  ...['identity/data-directory-lock', 'identity/data-directory-machines', 'net/http-limits'],
  ...['server/exit-codes', 'server/output-trouble'],
];

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
    exclude: [...configDefaults.exclude, 'test/packages/**'],
    globalSetup: ['test/support/before-all.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
