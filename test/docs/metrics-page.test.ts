// docs/reference/metrics.md is made without a server: a server's page has no other metrics.
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';

let registry: RegistryProcess;
beforeAll(async () => {
  registry = await startRegistry();
});
afterAll(async () => {
  expect(await registry.stop()).toBe(0);
});

it('docs/reference/metrics.md has each metric of a server', async () => {
  const page = await readFile(new URL('../../docs/reference/metrics.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z_]+)` \| (?:counter|gauge|histogram) \|/gm)].map(([, name]) => name!);
  const served = [...(await registry.metrics()).matchAll(/^# HELP ([a-z_]+) /gm)].map(([, name]) => name!);
  const missing = served.filter((name) => !documented.includes(name));
  expect({ missing, served: served.length > 40 }).toEqual({ missing: [], served: true });
});
