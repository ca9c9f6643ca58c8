// Two extents of the tests: `npm test` takes a sample of some products of cases, `npm run test:thorough` takes all.

/** True in `npm run test:thorough`. */
export const THOROUGH = process.env.XLREG_THOROUGH === '1';
