// The example page with `xlreg/browser` in Debian's Chromium against a real registry: it creates, joins, and shows a
// verified roster; another registry, and a seat of an old client, show as what they are.

import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FieldRegistry } from '../field/field-registry.ts';
import { chromiumProgram } from '../support/chromium.ts';
import { BROWSER_MODULE, BrowserSite, rows, state } from './browser-site.ts';

const executable = chromiumProgram();

describe.skipIf(executable === undefined)('xlreg/browser', () => {
  let site: BrowserSite;
  beforeAll(async () => {
    site = await BrowserSite.start(executable!);
  });
  afterAll(async () => {
    expect(await site.stop()).toBe(0);
  });

  it('is one module without imports or Node', async () => {
    const text = await readFile(BROWSER_MODULE, 'utf8');
    expect(text).not.toMatch(/^\s*import\b/m);
    expect(text).not.toMatch(/\bBuffer\b|node:|require\(/);
  });

  it('creates, joins, and shows a verified roster in two browsers', async () => {
    const contexts = [await site.browser.newContext(), await site.browser.newContext()];
    const [first, second] = await Promise.all(contexts.map((context) => site.open(context)));
    await site.join(first!, { cluster: 'web', name: 'alice' });
    await state(first!, /1 of 2 members/);
    await site.join(second!, { cluster: 'web', name: 'bob' });
    for (const tab of [first!, second!]) {
      await state(tab, /complete: 2 of 2 members/);
      expect(await rows(tab)).toEqual([
        ['0', 'alice', 'localhost:4001', 'yes'],
        ['1', 'bob', 'localhost:4001', 'yes'],
      ]);
    }
    // A reload keeps the member: same ID, same seat.
    await first!.reload();
    await site.join(first!, { cluster: 'web', name: 'alice' });
    await state(first!, /complete: 2 of 2 members/);
    for (const context of contexts) await context.close();
  });

  it('shows an old client as not verified', async () => {
    const { client } = await site.registry.register({ dialect: 'prefixed', transport: 'tcp' }, { name: 'old' });
    await client.create('mixed', 2);
    await client.join();
    const tab = await site.openNew();
    await site.join(tab, { cluster: 'mixed', name: 'new' });
    await state(tab, /complete: 2 of 2 members/);
    expect((await rows(tab)).map(([, name, , verified]) => [name, verified])).toEqual([
      ['old', 'no: none'],
      ['new', 'yes'],
    ]);
    await tab.context().close();
  });

  it("shows a refusal as the registry's text", async () => {
    const tab = await site.openNew();
    await site.join(tab, { cluster: '.bad', name: 'alice' });
    await state(tab, /RegistryRefused/);
    await tab.context().close();
  });

  it('refuses a registry that the credentials do not name', async () => {
    const other = await FieldRegistry.start();
    site.regCred = other.process.regCredText;
    await other.stop();
    const tab = await site.openNew();
    await site.join(tab, { cluster: 'web', name: 'mallory' });
    await state(tab, /RegistryUnreachable: no reply to the Hello/);
    await tab.context().close();
  });
});
