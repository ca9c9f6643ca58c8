// The example page and `xlreg/browser` on a web site of their own, a real registry, and Debian's Chromium.

import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { FieldRegistry } from '../field/field-registry.ts';
import { launchChromium } from '../support/chromium.ts';

/** The built module. */
export const BROWSER_MODULE = new URL('../../dist/src/browser/index.js', import.meta.url);
const EXAMPLE = new URL('../../examples/browser/', import.meta.url);

/** The fields of the page's form. */
export interface FormFields {
  readonly cluster: string;
  readonly name: string;
  readonly size?: string;
  readonly confirm?: string;
  readonly joinToken?: string;
}

/** A site, a registry that allows its origin, and a browser. */
export class BrowserSite {
  readonly registry: FieldRegistry;
  readonly browser: Browser;
  /** The credentials that the site gives out. */
  regCred: string;
  readonly #server: Server;
  readonly #origin: string;

  private constructor(server: Server, origin: string, registry: FieldRegistry, browser: Browser) {
    this.#server = server;
    this.#origin = origin;
    this.registry = registry;
    this.regCred = registry.process.regCredText;
    this.browser = browser;
  }

  static async start(executable: string, args: readonly string[] = []): Promise<BrowserSite> {
    const server = createServer((request, response) => {
      void site.#file(request.url ?? '').then(({ type, body }) => response.setHeader('content-type', type).end(body));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    const registry = await FieldRegistry.start({ args: ['--allowed-origins', origin, ...args] });
    const site = new BrowserSite(server, origin, registry, await launchChromium(executable));
    return site;
  }

  /** Ends all, and returns the registry's exit code. */
  async stop(): Promise<number | NodeJS.Signals | null> {
    await this.browser.close();
    this.#server.close();
    return await this.registry.stop();
  }

  /** URL that the page connects to. */
  get url(): string {
    return `ws://127.0.0.1:${this.registry.process.wsPort}/xlreg`;
  }

  /** Opens the page in a browser context, which is another user if it is another context. */
  async open(context: BrowserContext): Promise<Page> {
    const opened = await context.newPage();
    await opened.goto(this.#origin);
    return opened;
  }

  /** Opens the page as another user. */
  async openNew(): Promise<Page> {
    return await this.open(await this.browser.newContext());
  }

  /** Fills the form and sends it. */
  async join(tab: Page, fields: FormFields): Promise<void> {
    await tab.fill('[name=url]', this.url);
    for (const [name, value] of Object.entries(fields)) await tab.fill(`[name=${name}]`, value as string);
    await tab.click('button[type=submit]');
  }

  async #file(path: string): Promise<{ type: string; body: string }> {
    if (path === '/xlreg.js') return { type: 'text/javascript', body: await readFile(BROWSER_MODULE, 'utf8') };
    if (path === '/regCred.dat') return { type: 'text/plain', body: this.regCred };
    const file = path === '/' ? 'index.html' : 'page.js';
    const type = path === '/' ? 'text/html' : 'text/javascript';
    return { type, body: await readFile(new URL(file, EXAMPLE), 'utf8') };
  }
}

/** Waits until the page shows this state. */
export async function state(tab: Page, text: RegExp): Promise<void> {
  await tab.locator('#state', { hasText: text }).waitFor();
}

/** The table's rows. */
export async function rows(tab: Page): Promise<string[][]> {
  const found = await tab.locator('#members tr').all();
  return await Promise.all(found.map((row) => row.locator('td').allTextContents()));
}
