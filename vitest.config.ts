import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Begun first: a file that takes a minute and comes last leaves a core idle meanwhile. */
const LONGEST = [
  ...['durability/kill', 'etcd/cluster', 'bench/commands', 'etcd/trouble', 'cli/join', 'cli/wait-for-registry'],
  ...['identity/data-directory-lock', 'identity/data-directory-machines', 'net/http-limits'],
  ...['server/exit-codes', 'server/output-trouble'],
];

/** Where nothing is known of earlier runs, files come by their size, which says little of their time. */
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
    globalSetup: ['test/support/before-all.ts'],
    reporters: ['default', './test/support/closing-line.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
  },
});
