import { defineConfig } from 'vitest/config';

/** The vectors alone, without a build. test/wire/node-versions.test.ts runs them under the other versions of Node. */
export default defineConfig({
  test: {
    include: ['test/noise/{noise,opponent}.test.ts', 'test/wire/sealed-vectors.test.ts'],
    reporters: ['json'],
    maxWorkers: 1,
  },
});
