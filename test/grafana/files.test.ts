// The files of grafana/: current, in agreement with what a registry serves, and each alert explained.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTS, runbookOf } from '../../grafana/alerts.ts';
import { familiesOf } from '../metrics/metrics-text.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { alertExpressions, GRAFANA, metricsIn, panelExpressions } from './written-expressions.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let registry: RegistryProcess;
let served: ReadonlySet<string>;

beforeAll(async () => {
  registry = await startRegistry({ args: ['--store', 'lmdb'] });
  served = new Set(familiesOf(await registry.metrics()));
});
afterAll(() => registry.stop());

it('are what grafana/*.ts makes', () => {
  execFileSync(process.execPath, ['--import', 'tsx', 'grafana/main.ts', '--check'], { cwd: ROOT });
});

describe('metrics', () => {
  it('have names of their area and unit', () => {
    const odd = [...served].filter((name) => !/^(xlreg|process)(_[a-z]+)+$/.test(name));
    expect(odd).toEqual([]);
    expect([...served].filter((name) => /_(ms|milliseconds|kilobytes|mb|percent)(_|$)/.test(name))).toEqual([]);
  });

  it.each([...panelExpressions(), ...alertExpressions()])('of $at exist: $expr', ({ expr }) => {
    const used = metricsIn(expr);
    expect(used.length).toBeGreaterThan(expr.includes('up{') ? -1 : 0);
    expect(used.filter((name) => !served.has(name))).toEqual([]);
  });

  it('are each on a panel', () => {
    const shown = new Set(panelExpressions().flatMap(({ expr }) => metricsIn(expr)));
    expect([...served].filter((name) => !shown.has(name))).toEqual([]);
  });
});

describe('alerts', () => {
  const page = readFileSync(`${ROOT}/docs/how-to/alerts.md`, 'utf8');
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, heading]) => heading!.toLowerCase());

  it.each(ALERTS)('$name is explained in docs/how-to/alerts.md', (alert) => {
    const [file, anchor] = runbookOf(alert).split('#');
    expect(file).toBe('docs/how-to/alerts.md');
    expect(headings).toContain(anchor);
  });

  it('are all that is explained there', () => {
    const names = ALERTS.map(({ name }) => name.toLowerCase());
    expect(headings.filter((heading) => /^xlreg[a-z]+$/.test(heading) && !names.includes(heading))).toEqual([]);
  });
});

it('data source and dashboards are those that the provisioning makes', () => {
  const uid = /^ +uid: (\S+)$/m.exec(readFileSync(`${GRAFANA}provisioning/datasources/prometheus.yml`, 'utf8'))![1];
  const used = readFileSync(`${GRAFANA}dashboards/overview.json`, 'utf8').matchAll(
    /"type": "prometheus",\s+"uid": "([^"]+)"/g,
  );
  expect([...new Set([...used].map(([, uid]) => uid))]).toEqual([uid]);
});
