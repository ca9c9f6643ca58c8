import { defineConfig } from 'vitest/config';

/** The tests of several front ends alone. test/front/node-22.test.ts runs them where the running Node cannot. */
export default defineConfig({
  test: {
    include: ['test/front/several-fronts.test.ts'],
    globalSetup: ['test/support/before-all.ts'],
    reporters: ['json'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    maxWorkers: 1,
  },
});
