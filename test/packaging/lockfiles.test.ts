// The lockfiles of the checkout and of the site: exact versions with checksums, and no host, so that each user's npm asks
// the registry that it is set to.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const project = resolve(import.meta.dirname, '../..');

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly link?: boolean;
}

it.each(['package-lock.json', 'site/package-lock.json'])('%s has checksums and no host', (path) => {
  const text = readFileSync(resolve(project, path), 'utf8');
  const { packages } = JSON.parse(text) as { packages: Record<string, Locked> };
  const locked = Object.entries(packages).filter(([place]) => place !== '');
  expect(locked.length).toBeGreaterThan(10);
  expect(locked.filter(([, { integrity, resolved }]) => resolved !== undefined || integrity === undefined)).toEqual([]);
  expect(text).not.toMatch(/localhost|127\.0\.0\.1|file:/);
});
