// The status page in Debian's Chromium, on a real registry with filling clusters. A second site serves the same files
// with hostile data that no registry accepts from the wire (T2, T5).

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { RegistrySession } from '../../src/client/index.ts';
import { ClientRegistry } from '../client/client-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { chromiumProgram, launchChromium } from '../support/chromium.ts';
import { HOSTILE, startHostileSite } from './hostile-site.ts';
import { lowContrasts } from './low-contrasts.ts';
import { clusterRow, fits, openPage, signIn } from './opened-page.ts';

const executable = chromiumProgram();
const LONG_NAME = 'n'.repeat(128);
const PHONE = { width: 360, height: 740 };

describe.skipIf(executable === undefined)('the status page', () => {
  let browser: Browser;
  let registry: ClientRegistry;
  let token: string;
  /** The browser's complaints about the test's page: errors, failed requests, policy violations. */
  let complaints: string[];
  /** Every URL requested. */
  let urls: string[];

  beforeAll(async () => {
    browser = await launchChromium(executable!);
    registry = await ClientRegistry.start({ args: ['--name', 'page.example'] });
    token = adminToken(registry.process.dataDir);
  });
  afterAll(async () => {
    await browser.close();
    expect(registry.process.stderr()).not.toContain(token);
    await registry.stop();
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
  });

  async function open(port: number, options?: BrowserContextOptions): Promise<Page> {
    const opened = await openPage(browser, port, options);
    ({ complaints, urls } = opened);
    return opened.page;
  }

  async function openSignedIn(options?: BrowserContextOptions): Promise<Page> {
    const page = await open(registry.process.adminPort, options);
    await signIn(page, token);
    await page.locator('#state', { hasText: /^ready$/ }).waitFor();
    return page;
  }

  it('shows the credentials without a token and offers regCred.dat for download', async () => {
    const page = await open(registry.process.adminPort);
    const file = await readFile(join(registry.process.dataDir, 'regCred.dat'));
    await page.getByText('page.example', { exact: true }).waitFor();
    const { commsKey } = (await (
      await fetch(`http://127.0.0.1:${registry.process.adminPort}/api/registry`)
    ).json()) as {
      commsKey: { fingerprint: string };
    };
    await page.getByText(`${commsKey.fingerprint} (RSA, 2048 bits)`, { exact: true }).waitFor();
    const [download] = await Promise.all([page.waitForEvent('download'), page.click('#download')]);
    expect(download.suggestedFilename()).toBe('regCred.dat');
    expect(await readFile(await download.path())).toEqual(file);
    expect(await page.locator('#live').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  it('shows a cluster as it fills, and its members', async () => {
    const page = await openSignedIn();
    const { session } = await registry.identify('alice', { dialect: 'prefixed' });
    await session.create('filling-now', { size: 3, confirmMs: 0 });
    await clusterRow(page, 'filling-now', '0 of 3').filter({ hasText: 'empty' }).waitFor();
    await page.getByText('filling-now', { exact: true }).click();
    await page.getByText('Nobody is in it yet.').waitFor();
    for (const [at, name] of ['__proto__', 'constructor', 'carol'].entries()) {
      const member = await registry.identify(name);
      await member.session.join('filling-now');
      await clusterRow(page, 'filling-now', `${at + 1} of 3`)
        .filter({ hasText: at < 2 ? 'filling' : 'complete' })
        .waitFor();
      await page.locator('.details tbody tr').nth(at).filter({ hasText: name }).waitFor();
    }
    const cells = await page.locator('.details tbody tr').first().locator('td').allInnerTexts();
    expect(cells[0]).toBe('0');
    expect(cells[1]).toContain('__proto__');
    expect(cells[2]).toBe('127.0.0.1:4001');
    await page.locator('#tile-seats', { hasText: 'of 3, 0 missing' }).waitFor();
    // Alice and the three members.
    await page.locator('#tile-open output', { hasText: /^4$/ }).waitFor();
    await page.locator('#tile-rsa', { hasText: /\d ms each/ }).waitFor();
    await session.create('later', { size: 2, confirmMs: 0 });
    await page.locator('#clusters > li').first().filter({ hasText: 'later' }).waitFor();
    // A held list does not change.
    await page.check('#hold');
    const counted = await page.locator('#tile-clusters output').innerText();
    await session.create('held-back', { size: 2, confirmMs: 0 });
    await page.locator('#tile-clusters output', { hasNotText: new RegExp(`^${counted}$`) }).waitFor();
    expect(await clusterRow(page, 'held-back', '').count()).toBe(0);
    await page.uncheck('#hold');
    await clusterRow(page, 'held-back', '0 of 2').waitFor();
    expect(complaints).toEqual([]);
  });

  it('shows how many of a full cluster have confirmed, and that one is complete, also with an empty seat', async () => {
    const members = await Promise.all(['one', 'two', 'three'].map((name) => registry.identify(name)));
    const [one, two, three] = members.map(({ session }) => session);
    const { clusterId } = await one!.create('confirming', { size: 3, confirmMs: 600_000 });
    const page = await openSignedIn();
    for (const session of [one!, two!]) await session.join('confirming');
    const shows = async (seats: string, state: string, color: string) => {
      const row = clusterRow(page, 'confirming', seats).filter({ hasText: state });
      await row.waitFor();
      // Colours as the browser computes them: of the label, and of its token.
      const [shown, expected] = await page.evaluate<string[]>(`(() => {
        const fill = [...document.querySelectorAll('#clusters > li')]
          .find((row) => row.textContent.includes('confirming')).querySelector('.fill');
        const probe = document.body.appendChild(document.createElement('i'));
        probe.style.color = 'var(--${color})';
        const computed = getComputedStyle(probe).color;
        probe.remove();
        return [getComputedStyle(fill).color, computed];
      })()`);
      expect(shown).toBe(expected);
    };
    await shows('2 of 3', 'filling', 'filling');
    await three!.join('confirming');
    await shows('3 of 3', '0 confirmed', 'filling');
    // The first request for a roster tells the round, the second one confirms it.
    const confirm = async (session: RegistrySession) => {
      for (let asked = 0; asked < 2; asked++) await session.cluster({ id: clusterId });
    };
    await confirm(one!);
    await shows('3 of 3', '1 confirmed', 'filling');
    await confirm(two!);
    await confirm(three!);
    await shows('3 of 3', 'complete', 'full');
    await two!.leave('confirming');
    await shows('2 of 3', 'complete', 'full');
    for (const width of [980, 360, 320]) {
      await page.setViewportSize({ width, height: 740 });
      expect(await fits(page, width)).toBe(true);
    }
    expect(complaints).toEqual([]);
  });

  it('finds clusters by prefix and fill state, for any input', async () => {
    const { session } = await registry.identify('looker');
    for (const name of ['look-a', 'look-b', 'other']) await session.create(name, { size: 2, confirmMs: 0 });
    await session.join('look-b');
    const page = await openSignedIn();
    await page.fill('#prefix', 'look-');
    await page.getByText('2, by name.').waitFor();
    expect(await page.locator('#clusters .name').allInnerTexts()).toEqual(['look-a', 'look-b']);
    await page.selectOption('#fill', 'filling');
    await page.getByText('1, by name.').waitFor();
    const second = await registry.identify('second');
    await second.session.join('look-b');
    // Search results change, too.
    await clusterRow(page, 'look-b', '2 of 2').waitFor();
    await page.fill('#prefix', '<img src=x onerror=alert(1)>&limit=0#');
    await page.getByText('There are none of these.').waitFor();
    await page.fill('#prefix', '');
    await page.selectOption('#fill', '');
    await clusterRow(page, 'other', '0 of 2').waitFor();
    expect(complaints).toEqual([]);
  });

  it('rejects a wrong token and stores the right one in no URL, cookie or lasting storage', async () => {
    const page = await open(registry.process.adminPort);
    for (const wrong of [`${token}x`, 'not a header\u{1f512}']) {
      await signIn(page, wrong);
      await page.getByRole('alert').filter({ hasText: 'That is not the token of this registry.' }).waitFor();
      expect(await page.locator('#live').isVisible()).toBe(false);
    }
    // The browser itself reports the 401.
    expect(complaints).toHaveLength(1);
    await signIn(page, token);
    await page.locator('#tile-clusters output').waitFor();
    await page.reload();
    await page.locator('#tile-clusters output').waitFor();
    expect(urls.filter((url) => url.includes(token))).toEqual([]);
    expect(await page.evaluate('[document.cookie, localStorage.length, location.href].join()')).toBe(
      `,0,http://127.0.0.1:${registry.process.adminPort}/`,
    );
    await page.click('#forget');
    await page.locator('#sign-in').waitFor();
    expect(await page.evaluate('sessionStorage.length')).toBe(0);
    expect(await page.locator('#clusters > li').count()).toBe(0);
  });

  it('fits on a phone with the longest names', async () => {
    const { session } = await registry.identify(LONG_NAME);
    await session.create(LONG_NAME, { size: 2, confirmMs: 0 });
    await session.join(LONG_NAME);
    const page = await openSignedIn({ viewport: PHONE });
    await page.locator('#clusters').getByText(LONG_NAME, { exact: true }).click();
    await page.locator('.details tbody tr >> nth=0').waitFor();
    for (const width of [360, 320]) {
      await page.setViewportSize({ ...PHONE, width });
      expect(await fits(page, width)).toBe(true);
    }
  });

  it.each(['light', 'dark'] as const)('is readable in %s', async (colorScheme) => {
    const { session } = await registry.identify(`reader-${colorScheme}`);
    for (const [name, joins] of [
      ['none', 0],
      ['some', 1],
    ] as const) {
      await session.create(`${colorScheme}-${name}`, { size: 2, confirmMs: 0 });
      if (joins > 0) await session.join(`${colorScheme}-${name}`);
    }
    const page = await openSignedIn({ colorScheme });
    await clusterRow(page, `${colorScheme}-some`, 'filling').click();
    await page.locator('.details tbody tr >> nth=0').waitFor();
    const [red = 0] = /\d+/.exec(await page.evaluate<string>('getComputedStyle(document.body).backgroundColor')) ?? [];
    expect(Number(red) > 128).toBe(colorScheme === 'light');
    expect(await lowContrasts(page)).toEqual([]);
  });

  it('shows hostile text as text and runs none of it', async () => {
    const site = await startHostileSite();
    const page = await open(site.port);
    await signIn(page, 'any');
    await page.locator('#clusters .name').first().click();
    await page.locator('.details tbody tr >> nth=0').waitFor();
    const shown = await page.locator('body').innerText();
    for (const text of HOSTILE.shown) expect(shown).toContain(text);
    expect(shown).not.toMatch(/[\u202a-\u202e\u2066-\u2069]/);
    // Only the page's own two elements.
    expect(await page.locator('body img, body script, body iframe, body a').count()).toBe(2);
    await page.fill('#prefix', HOSTILE.markup);
    await page.locator('#list-caption', { hasText: HOSTILE.markup }).waitFor();
    expect(await page.evaluate('globalThis.owned')).toBeUndefined();
    expect(await page.title()).toBe(`xlReg ${HOSTILE.markup}`);
    expect(complaints.filter((text) => !text.includes('status of 400'))).toEqual([]);
    await site.close();
  });

  it('reports a lost connection when the registry stops', async () => {
    const own = await ClientRegistry.start();
    const secret = adminToken(own.process.dataDir);
    const page = await open(own.process.adminPort);
    await signIn(page, secret);
    await page.locator('#state', { hasText: /^ready$/ }).waitFor();
    expect(await own.stop()).toBe(0);
    await page.locator('#state', { hasText: /connection lost/ }).waitFor();
  });
});
