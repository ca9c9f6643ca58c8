// The example page with `xlreg/browser` in Debian's Chromium against a real registry: it creates, joins, and shows a
// verified roster; another registry, and a seat of an old client, show as what they are.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FieldRegistry } from '../field/field-registry.ts';
import { chromiumProgram, launchChromium } from '../support/chromium.ts';

const executable = chromiumProgram();
const MODULE = new URL('../../dist/src/browser/index.js', import.meta.url);
const EXAMPLE = new URL('../../examples/browser/', import.meta.url);

describe.skipIf(executable === undefined)('xlreg/browser', () => {
  let browser: Browser;
  let site: Server;
  let origin: string;
  let registry: FieldRegistry;
  /** The credentials that the page's site gives out. */
  let regCred: string;

  beforeAll(async () => {
    site = createServer((request, response) => {
      void page(request.url ?? '').then(({ type, body }) => response.setHeader('content-type', type).end(body));
    });
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    origin = `http://localhost:${(site.address() as AddressInfo).port}`;
    registry = await FieldRegistry.start({ args: ['--allowed-origins', origin] });
    regCred = registry.process.regCredText;
    browser = await launchChromium(executable!);
  });
  afterAll(async () => {
    await browser.close();
    site.close();
    expect(await registry.stop()).toBe(0);
  });

  async function page(path: string): Promise<{ type: string; body: string }> {
    if (path === '/xlreg.js') return { type: 'text/javascript', body: await readFile(MODULE, 'utf8') };
    if (path === '/regCred.dat') return { type: 'text/plain', body: regCred };
    const file = path === '/' ? 'index.html' : 'page.js';
    const type = path === '/' ? 'text/html' : 'text/javascript';
    return { type, body: await readFile(new URL(file, EXAMPLE), 'utf8') };
  }

  async function open(context: BrowserContext): Promise<Page> {
    const opened = await context.newPage();
    await opened.goto(origin);
    return opened;
  }

  async function join(tab: Page, fields: { cluster: string; name: string; size?: string }): Promise<void> {
    await tab.fill('[name=url]', `ws://127.0.0.1:${registry.process.wsPort}/xlreg`);
    for (const [name, value] of Object.entries(fields)) await tab.fill(`[name=${name}]`, value);
    await tab.click('button');
  }

  const state = (tab: Page, text: RegExp) => tab.locator('#state', { hasText: text }).waitFor();

  async function rows(tab: Page): Promise<string[][]> {
    const found = await tab.locator('#members tr').all();
    return await Promise.all(found.map((row) => row.locator('td').allTextContents()));
  }

  it('is one module without imports or Node', async () => {
    const text = await readFile(MODULE, 'utf8');
    expect(text).not.toMatch(/^\s*import\b/m);
    expect(text).not.toMatch(/\bBuffer\b|node:|require\(/);
  });

  it('creates, joins, and shows a verified roster in two browsers', async () => {
    const contexts = [await browser.newContext(), await browser.newContext()];
    const [first, second] = await Promise.all(contexts.map(open));
    await join(first!, { cluster: 'web', name: 'alice' });
    await state(first!, /1 of 2 members/);
    await join(second!, { cluster: 'web', name: 'bob' });
    for (const tab of [first!, second!]) {
      await state(tab, /complete: 2 members/);
      expect(await rows(tab)).toEqual([
        ['0', 'alice', 'localhost:4001', 'yes'],
        ['1', 'bob', 'localhost:4001', 'yes'],
      ]);
    }
    // A reload keeps the member: same ID, same seat.
    await first!.reload();
    await join(first!, { cluster: 'web', name: 'alice' });
    await state(first!, /complete: 2 members/);
    for (const context of contexts) await context.close();
  });

  it('shows an old client as not verified', async () => {
    const { client } = await registry.register({ dialect: 'prefixed', transport: 'tcp' }, { name: 'old' });
    await client.create('mixed', 2);
    await client.join();
    const context = await browser.newContext();
    const tab = await open(context);
    await join(tab, { cluster: 'mixed', name: 'new' });
    await state(tab, /complete: 2 members/);
    expect((await rows(tab)).map(([, name, , verified]) => [name, verified])).toEqual([
      ['old', 'no: none'],
      ['new', 'yes'],
    ]);
    await context.close();
  });

  it("shows a refusal as the registry's text", async () => {
    const context = await browser.newContext();
    const tab = await open(context);
    await join(tab, { cluster: '.bad', name: 'alice' });
    await state(tab, /RegistryRefused/);
    await context.close();
  });

  it('refuses a registry that the credentials do not name', async () => {
    const other = await FieldRegistry.start();
    regCred = other.process.regCredText;
    await other.stop();
    const context = await browser.newContext();
    const tab = await open(context);
    await join(tab, { cluster: 'web', name: 'mallory' });
    await state(tab, /RegistryUnreachable: no reply to the Hello/);
    await context.close();
  });
});
