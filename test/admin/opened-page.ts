// The status page in a browser, and what a reader does with it.
import type { Browser, BrowserContextOptions, Locator, Page } from 'playwright-core';

/** A page, with what the browser says about it. */
export interface OpenedPage {
  readonly page: Page;
  /** Errors, failed requests, policy violations. */
  readonly complaints: string[];
  /** Every URL requested. */
  readonly urls: string[];
}

export async function openPage(
  browser: Browser,
  port: number,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const [complaints, urls]: [string[], string[]] = [[], []];
  const page = await browser.newPage(options);
  page.on('console', (message) => complaints.push(message.text()));
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => urls.push(request.url()));
  await page.goto(`http://127.0.0.1:${port}/`);
  return { page, complaints, urls };
}

export async function signIn(page: Page, token: string): Promise<void> {
  await page.fill('#token', token);
  await page.press('#token', 'Enter');
}

/** The row of a cluster whose text matches. */
export function clusterRow(page: Page, name: string, text: string | RegExp = ''): Locator {
  return page
    .locator('#clusters > li')
    .filter({ has: page.getByText(name, { exact: true }) })
    .filter({ hasText: text });
}

/** The page and each element of it fit into this width. */
export async function fits(page: Page, width: number): Promise<boolean> {
  const wide = `[...document.querySelectorAll('main *, dialog[open], dialog[open] *')]
    .filter((one) => !one.classList.contains('spoken') && one.getBoundingClientRect().right > ${width})
    .map((one) => one.outerHTML)`;
  const found = await page.evaluate<string[]>(wide);
  return found.length === 0 && (await page.evaluate('document.documentElement.scrollWidth')) === width;
}
