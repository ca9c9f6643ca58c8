// npm run test:packages: the packages of a release are built, installed and run, which takes minutes.
import { configDefaults, defineConfig } from 'vitest/config';
import main from './vitest.config.ts';

export default defineConfig({
  test: {
    ...main.test,
    include: ['test/packages/**/*.test.ts'],
    exclude: configDefaults.exclude,
    testTimeout: 600_000,
    hookTimeout: 600_000,
    maxWorkers: 1,
  },
});
