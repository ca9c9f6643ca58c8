// The files of grafana/: current, in agreement with what a registry serves, and each alert explained.

import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALERTS, printRules, runbookOf } from '../../grafana/alerts.ts';
import { familiesOf } from '../metrics/metrics-text.ts';
import { type RegistryProcess, startRegistry } from '../support/registry-process.ts';
import { alertExpressions, GRAFANA, metricsIn, panelExpressions } from './written-expressions.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

interface DashboardPage {
  readonly uid: string;
  readonly templating: { readonly list: readonly object[] };
  readonly panels: readonly {
    readonly id: number;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  }[];
}

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
    expect(used.length).toBeGreaterThan(/\b(up|ALERTS)\{/.test(expr) ? -1 : 0);
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
    const [page, anchor] = runbookOf(alert).split('#');
    expect(page).toMatch(/^https:\/\/.+\/how-to\/alerts\.md$/);
    expect(headings).toContain(anchor);
  });

  it('link to the page that --runbook-base names', () => {
    const rules = printRules(ALERTS, 'https://wiki.corp/xlreg');
    const links = [...rules.matchAll(/runbook_url: "(.+)"/g)].map(([, link]) => link);
    expect(links).toEqual(ALERTS.map(({ name }) => `https://wiki.corp/xlreg#${name.toLowerCase()}`));
  });

  it('are all that is explained there', () => {
    const names = ALERTS.map(({ name }) => name.toLowerCase());
    expect(headings.filter((heading) => /^xlreg[a-z]+$/.test(heading) && !names.includes(heading))).toEqual([]);
  });
});

describe('dashboards', () => {
  const pages = readdirSync(`${GRAFANA}dashboards`).map(
    (file) => JSON.parse(readFileSync(`${GRAFANA}dashboards/${file}`, 'utf8')) as DashboardPage,
  );

  it('take the data source of their variable, so that any Grafana can import them', () => {
    for (const page of pages) {
      const found = JSON.stringify(page).matchAll(/"uid":"([^"]+)"/g);
      // biome-ignore lint/suspicious/noTemplateCurlyInString: Grafana's syntax.
      expect([...new Set([...found].map(([, uid]) => uid))].sort()).toEqual(['${datasource}', page.uid].sort());
      expect(page.templating.list[0]).toMatchObject({ type: 'datasource', name: 'datasource', query: 'prometheus' });
    }
  });

  it('link to dashboards that exist', () => {
    const links = [...JSON.stringify(pages).matchAll(/\/d\/(xlreg-[a-z-]+)\?/g)].map(([, uid]) => uid);
    expect(links.length).toBeGreaterThan(3);
    for (const uid of links) expect(pages.map((page) => page.uid)).toContain(uid);
  });

  it('have panels with unlike IDs and places', () => {
    for (const { panels } of pages) {
      expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
      const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
        Array.from({ length: w * h }, (_, i) => `${x + (i % w)},${y + Math.floor(i / w)}`),
      );
      expect(new Set(cells).size).toBe(cells.length);
      expect(panels.every(({ gridPos: { x, w } }) => x + w <= 24)).toBe(true);
    }
  });
});
