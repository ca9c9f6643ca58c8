// An operator at the status page in Debian's Chromium: finds what fails, evicts and deletes, by keyboard,
// on a phone, and while the registry hangs.

import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import { LEDGER_MINUTES } from '../../src/limits.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { chromiumProgram, launchChromium } from '../support/chromium.ts';
import { etcdPrograms } from '../support/debian-programs.ts';
import { until } from '../support/until.ts';
import { lowContrasts } from './low-contrasts.ts';
import { clusterRow, fits, type OpenedPage, openPage, signIn } from './opened-page.ts';
import { startRoleSite } from './role-site.ts';

const executable = chromiumProgram();
const PHONE = { width: 360, height: 740 };
/** A hanging registry has to be visible within this time. */
const STALE_MS_MAX = 3_000;
/** Steps of Tab to any control of the page. */
const TABS_MAX = 60;

describe.skipIf(executable === undefined)('an operator at the status page', () => {
  let browser: Browser;
  let registry: ClientRegistry;
  let token: string;
  let opened: OpenedPage;

  beforeAll(async () => {
    browser = await launchChromium(executable!);
    // Every session is slow, so each end is a warning.
    const args = ['--name', 'operated.example', '--slow-session-ms', '1', '--max-session-messages', '4'];
    registry = await ClientRegistry.start({ args });
    token = adminToken(registry.process.dataDir);
  });
  afterAll(async () => {
    await browser.close();
    await registry.stop();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  async function openSignedIn(options: Parameters<typeof openPage>[2] = {}, of = registry): Promise<Page> {
    opened = await openPage(browser, of.process.adminPort, options);
    await signIn(opened.page, adminToken(of.process.dataDir));
    await opened.page.locator('#state', { hasText: /^ready$/ }).waitFor();
    return opened.page;
  }

  /** Makes a cluster with these members, whose sessions stay open. */
  async function fill(name: string, size: number, members: readonly string[]) {
    const maker = await registry.identify(`${name}-maker`);
    await maker.session.create(name, { size, confirmMs: 0 });
    const joined = [];
    for (const member of members) {
      const { session } = await registry.identify(member);
      await session.join(name);
      joined.push(session);
    }
    return joined;
  }

  async function openRow(page: Page, name: string): Promise<void> {
    await clusterRow(page, name).locator('button.cluster').click();
    await page.locator('.details tbody tr').first().waitFor();
  }

  /** Code of the focused element, and whether its focus is visible. */
  const FOCUS = `(() => {
    const { activeElement: one } = document;
    const { outlineStyle, outlineWidth } = getComputedStyle(one);
    const ring = outlineStyle !== 'none' && parseFloat(outlineWidth) >= 2;
    return { tag: one.tagName, name: one.getAttribute('aria-label') ?? one.textContent.trim(), id: one.id, ring };
  })()`;

  interface Focus {
    readonly tag: string;
    readonly name: string;
    readonly id: string;
    readonly ring: boolean;
  }

  /** Presses Tab until the focused element is the wanted one. Each stop on the way has to show its focus. */
  async function tabTo(page: Page, wanted: (focus: Focus) => boolean): Promise<void> {
    for (let tabs = 0; tabs < TABS_MAX; tabs++) {
      await page.keyboard.press('Tab');
      const focus = await page.evaluate<Focus>(FOCUS);
      if (focus.tag === 'BODY') continue;
      expect(focus).toMatchObject({ ring: true });
      if (wanted(focus)) return;
    }
    throw new Error('Tab does not reach the control');
  }

  it('shows members with end points and last use, and evicts one after a confirmation that names it', async () => {
    const [first] = await fill('evicting', 3, ['ann', 'bob', 'cid']);
    first!.close();
    const page = await openSignedIn();
    await openRow(page, 'evicting');
    const rowOf = (name: string) => page.locator('.details tbody tr', { hasText: name });
    await rowOf('ann')
      .filter({ hasText: '127.0.0.1:4001' })
      .filter({ hasText: /\d s ago/ })
      .waitFor();
    await rowOf('bob').filter({ hasText: 'connected now' }).waitFor();
    const dialog = page.getByRole('dialog');
    const evict = () => page.getByRole('button', { name: 'Evict bob…' }).click();

    await evict();
    await dialog.getByText('bob of evicting', { exact: true }).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    expect(await rowOf('bob').count()).toBe(1);
    await evict();
    await dialog.getByRole('button', { name: 'Evict the member' }).click();
    await clusterRow(page, 'evicting', '2 of 3').waitFor();
    await until(async () => (await rowOf('bob').count()) === 0);
    expect(await dialog.count()).toBe(0);
    expect((await page.evaluate<Focus>(FOCUS)).name).toContain('evicting');
    expect(opened.complaints).toEqual([]);
  });

  it('deletes a cluster after a confirmation that names it, and shows a refusal in the dialog', async () => {
    await fill('deleting', 2, ['dora']);
    const page = await openSignedIn();
    await openRow(page, 'deleting');
    const remove = () => page.getByRole('button', { name: 'Delete cluster…' }).click();
    await remove();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('deleting', { exact: true }).waitFor();
    await page.route('**/api/clusters/id:*', (route) => route.abort());
    await dialog.getByRole('button', { name: 'Delete the cluster' }).click();
    await dialog.getByRole('alert').filter({ hasText: 'The registry does not answer.' }).waitFor();
    await page.unroute('**/api/clusters/id:*');
    await dialog.getByRole('button', { name: 'Delete the cluster' }).click();
    await until(async () => (await clusterRow(page, 'deleting').count()) === 0);
    expect(await dialog.count()).toBe(0);
  });

  it('works with the keyboard only, and its dialog keeps the focus', async () => {
    await fill('keyboard', 2, ['eve']);
    opened = await openPage(browser, registry.process.adminPort);
    const { page } = opened;
    await tabTo(page, ({ id }) => id === 'token');
    await page.keyboard.type(token);
    await page.keyboard.press('Enter');
    await page.locator('#state', { hasText: /^ready$/ }).waitFor();
    await tabTo(page, ({ name }) => name.startsWith('keyboard'));
    await page.keyboard.press('Enter');
    await page.locator('.details tbody tr').waitFor();
    await tabTo(page, ({ name }) => name === 'Evict eve…');
    await page.keyboard.press('Enter');
    const names: string[] = [];
    for (const key of ['Tab', 'Tab', 'Shift+Tab', 'Shift+Tab', 'Shift+Tab']) {
      names.push((await page.evaluate<Focus>(FOCUS)).name);
      await page.keyboard.press(key);
    }
    const [cancel, action] = ['Cancel', 'Evict the member'];
    expect(names).toEqual([cancel, action, cancel, action, cancel]);
    await page.keyboard.press('Escape');
    expect(await page.getByRole('dialog').count()).toBe(0);
    expect(await page.evaluate(FOCUS)).toMatchObject({ name: 'Evict eve…', ring: true });
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(FOCUS)).toMatchObject({ name: action, ring: true });
    await page.keyboard.press('Enter');
    await clusterRow(page, 'keyboard', '0 of 2').waitFor();
    await page.getByText('Nobody is in it yet.').waitFor();
  });

  it('keeps the focus on a button while its row is updated', async () => {
    const [, second] = await fill('updated', 3, ['fay', 'gus']);
    const page = await openSignedIn();
    await openRow(page, 'updated');
    await page.getByRole('button', { name: 'Evict fay…' }).focus();
    second!.close();
    await page
      .locator('.details tbody tr', { hasText: 'gus' })
      .filter({ hasText: /\d s ago/ })
      .waitFor();
    expect((await page.evaluate<Focus>(FOCUS)).name).toBe('Evict fay…');
  });

  it('dims the numbers of a hanging registry within 3 s and says how old they are', async () => {
    const page = await openSignedIn();
    const color = () =>
      page.evaluate<string>(`getComputedStyle(document.querySelector('#tile-clusters output')).color`);
    const fresh = await color();
    process.kill(registry.process.pid, 'SIGSTOP');
    const stopped = performance.now();
    try {
      await page.getByText(/These numbers are \d+ s old/).waitFor();
      const took = performance.now() - stopped;
      expect(await color()).not.toBe(fresh);
      console.log(`dimmed after ${took.toFixed(0)} ms`);
      expect(took).toBeLessThan(STALE_MS_MAX);
      await page.locator('#state', { hasText: 'no answer' }).waitFor();
      await page.getByText(/These numbers are [4-9] s old/).waitFor();
      expect(await lowContrasts(page)).toEqual([]);
    } finally {
      process.kill(registry.process.pid, 'SIGCONT');
    }
    await page.locator('#state', { hasText: /^ready$/ }).waitFor();
    expect(await page.locator('#stale').isVisible()).toBe(false);
    expect(await color()).toBe(fresh);
  });

  it('shows refusals, limits that were hit, warnings of the log, sessions and the version, but no secret', async () => {
    await fill('refusing', 2, ['hal', 'ida']);
    const late = await registry.identify('late');
    await expect(late.session.join('refusing')).rejects.toThrow();
    const busy = await registry.identify('busy');
    for (let message = 0; message < 5; message++) await busy.session.credentials().catch(() => {});
    const page = await openSignedIn();
    expect((await fetch(`http://127.0.0.1:${registry.process.adminPort}/api/sessions`)).status).toBe(401);
    const counts = page.locator('#refusals tbody tr');
    await counts.filter({ hasText: 'cluster-full' }).filter({ hasText: 'request refused' }).waitFor();
    const byLimit = counts.filter({ hasText: 'session-messages' });
    await byLimit.filter({ hasText: 'connection closed by a limit' }).waitFor();
    await page.locator('#tile-refused', { hasText: '1 closed by limits' }).waitFor();
    await page.locator('#limits').getByText(`Turned away in ${LEDGER_MINUTES} min`).first().waitFor();
    await page.locator('#limits tr', { hasText: 'max-session-messages' }).filter({ hasText: 'limit 4' }).waitFor();
    await page
      .locator('#log li', { hasText: 'session ended' })
      .filter({ hasText: 'end: cluster-full' })
      .first()
      .waitFor();
    await page.getByText(/^xlReg \d+\.\d+\.\d+, up \d+/).waitFor();
    await page.locator('#tile-store', { hasText: 'memory' }).waitFor();
    await page.getByText('Sessions', { exact: true }).click();
    const sessions = page.locator('#sessions tbody tr');
    await sessions.filter({ hasText: 'hal' }).filter({ hasText: 'sealed' }).first().waitFor();
    expect(await page.content()).not.toContain(token);
    expect(registry.process.stderr()).not.toContain(token);
  });

  it('fits on a phone with all its sections open', async () => {
    const name = 'p'.repeat(128);
    const { session } = await registry.identify('q'.repeat(128));
    await session.create(name, { size: 2, confirmMs: 0 });
    await session.join(name);
    const page = await openSignedIn({ viewport: PHONE });
    await openRow(page, name);
    await page.getByText('Sessions', { exact: true }).click();
    await page.locator('#sessions tbody tr').first().waitFor();
    for (const width of [360, 320]) {
      await page.setViewportSize({ ...PHONE, width });
      expect(await fits(page, width)).toBe(true);
    }
    await page.getByRole('button', { name: /^Evict q/ }).click();
    expect(await fits(page, 320)).toBe(true);
  });

  it.each(['light', 'dark'] as const)('is readable in %s, and never shows full as a warning', async (colorScheme) => {
    await fill(`${colorScheme}-full`, 2, ['kim', 'leo']);
    const page = await openSignedIn({ colorScheme });
    await openRow(page, `${colorScheme}-full`);
    await page.getByText('Sessions', { exact: true }).click();
    await page.locator('#sessions tbody tr').first().waitFor();
    expect(await lowContrasts(page)).toEqual([]);
    // Colours as the browser computes them, of elements with each token.
    const tokens = await page.evaluate<Record<string, string>>(`(() => {
      const probe = document.body.appendChild(document.createElement('i'));
      const colorOf = (name) => ((probe.style.color = 'var(--' + name + ')'), getComputedStyle(probe).color);
      const colors = Object.fromEntries(['full', 'warning', 'problem'].map((name) => [name, colorOf(name)]));
      probe.remove();
      return colors;
    })()`);
    // The label, the bar, and every colour of the row but those of its buttons.
    const row = "document.querySelector('#clusters > li:has(.details)')";
    expect(await page.evaluate(`getComputedStyle(${row}.querySelector('.fill')).color`)).toBe(tokens.full);
    const bar = `getComputedStyle(${row}.querySelector('.track > div')).backgroundColor`;
    expect(await page.evaluate(bar)).toBe(tokens.full);
    const seen = await page.evaluate<
      string[]
    >(`[${row}, ...${row}.querySelectorAll(':not(.danger, .problem)')].flatMap((part) => {
      const { color, backgroundColor, borderTopColor } = getComputedStyle(part);
      return [color, backgroundColor, borderTopColor];
    })`);
    expect(seen).not.toContain(tokens.warning);
    expect(seen).not.toContain(tokens.problem);
    await page.getByRole('button', { name: 'Delete cluster…' }).click();
    expect(await lowContrasts(page)).toEqual([]);
  });
});

describe.skipIf(executable === undefined)('the status page with a token of the role', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium(executable!);
  });
  afterAll(() => browser.close());

  it.each([
    { role: 'read', buttons: 0, status: 403 },
    { role: 'operate', buttons: 2, status: 200 },
    { role: 'admin', buttons: 2, status: 200 },
  ] as const)('$role shows $buttons buttons that change something, and the API agrees', async (row) => {
    const { role, buttons, status } = row;
    const site = await startRoleSite(['read', 'operate', 'admin']);
    const { page, complaints } = await openPage(browser, site.port);
    await signIn(page, role);
    await page.getByText(`${role}-only (${role}, until`).waitFor();
    await clusterRow(page, 'guarded').locator('button.cluster').click();
    await page.locator('.details tbody tr', { hasText: 'alice' }).waitFor();
    expect(await page.locator('.details button').count()).toBe(buttons);
    for (const path of ['/api/clusters/guarded', '/api/clusters/guarded/members/alice']) {
      const headers = { authorization: `Bearer ${role}` };
      const reply = await fetch(`http://127.0.0.1:${site.port}${path}`, { method: 'DELETE', headers });
      expect(reply.status).toBe(status);
    }
    expect(site.operated).toEqual(status === 200 ? ['delete-cluster', 'evict'] : []);
    // The browser reports the credentials that this site lacks, nothing else.
    expect(complaints.filter((text) => !text.includes('status of 503'))).toEqual([]);
    await page.close();
    await site.close();
  });
});

const etcdProgram = etcdPrograms();

describe.skipIf(executable === undefined || etcdProgram === undefined)('the status page over etcd', () => {
  it('shows each server of etcd, and which check fails since when', async () => {
    const etcd = await EtcdCluster.start({ program: etcdProgram!.etcd, servers: 3, flags: ['--unsafe-no-fsync'] });
    const endPoints = etcd.servers.map(({ endPoint }) => endPoint);
    const registry = await ClientRegistry.start({ args: ['--store', `etcd:${endPoints.join(',')}`] });
    const browser = await launchChromium(executable!);
    try {
      const { page } = await openPage(browser, registry.process.adminPort);
      await signIn(page, adminToken(registry.process.dataDir));
      const shown = (endPoint: string, result: string) =>
        page.locator('#checks li', { hasText: endPoint }).filter({ hasText: result }).waitFor();
      for (const endPoint of endPoints) await shown(endPoint, 'up');
      etcd.servers[0]!.child!.kill('SIGKILL');
      await shown(endPoints[0]!, 'down');
      for (const endPoint of endPoints.slice(1)) await shown(endPoint, 'up');
      etcd.servers[1]!.child!.kill('SIGKILL');
      await page.locator('#failing', { hasText: /store-reachable fails for [2-9] s, since \d\d:\d\d:\d\d/ }).waitFor();
      await page.locator('#state', { hasText: 'not ready: store-reachable' }).waitFor();
      await page.locator('#log li', { hasText: 'the store cannot be reached' }).first().waitFor();
      await shown(endPoints[2]!, 'up');
    } finally {
      await browser.close();
      await registry.stop();
      await etcd.stop();
    }
  });
});
