// The site of npm run site: all public declarations are documented, its links work, and its search needs neither a
// network nor a server.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { chromiumProgram, launchChromium } from '../support/chromium.ts';
import { entryPoints } from '../support/public-exports.ts';

const run = promisify(execFile);
const project = resolve(import.meta.dirname, '../..');
const html = join(project, 'site/dist/html');

/** Builds the site. Resolves to its output; to undefined, with the reason logged, if npm cannot install TypeDoc. */
async function build(): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(process.execPath, ['site/build.mjs'], { cwd: project });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    if (!/ENOTCACHED|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT/.test(stderr)) throw new Error(stdout + stderr);
    console.log(`SKIPPED, npm cannot install the site's dependencies: ${stderr.trim().split('\n')[0]}`);
    return undefined;
  }
}

const output = await build();
const executable = chromiumProgram();

describe.skipIf(output === undefined)('the site', () => {
  it('is built without a warning, with pages and reference', () => {
    expect(output).not.toContain('warning');
    expect(Number(/site: (\d+) pages/.exec(output!)![1])).toBeGreaterThan(100);
    expect(output).toContain(', 0 bad links');
  });

  it.skipIf(executable === undefined)('finds pages and functions by a search without network', async () => {
    const browser = await launchChromium(executable!);
    try {
      const page = await browser.newPage();
      const requests: string[] = [];
      page.on('request', (request) => requests.push(request.url()));
      await page.goto(pathToFileURL(join(html, 'index.html')).href);
      const wanted = ['ghosts', ...entryPoints().map(({ declarations }) => declarations[0]!.name)];
      for (const word of wanted) {
        await page.locator('#tsd-search-trigger').click();
        await page.locator('#tsd-search-input').fill(word);
        const results = page.locator('#tsd-search-results a');
        await results
          .filter({ hasText: new RegExp(word, 'i') })
          .first()
          .waitFor();
        await page.keyboard.press('Escape');
      }
      expect(requests.filter((url) => !/^(?:file|data|blob):/.test(url))).toEqual([]);
    } finally {
      await browser.close();
    }
  });

  it('is refused with a link that leads nowhere, or a file from elsewhere', async () => {
    const { checkLinks } = await import(pathToFileURL(join(project, 'site/links.mjs')).href);
    const folder = mkdtempSync(join(tmpdir(), 'xlreg-site-links-'));
    const good =
      '<a href="#here">x</a><h1 id="here"></h1><a href="other.html#there">x</a><a href="https://x.example">x</a>';
    writeFileSync(join(folder, 'other.html'), '<h1 id="there"></h1>');
    const bad = ['<a href="gone.html">', '<a href="other.html#gone">', '<script src="https://x.example/x.js">'];
    writeFileSync(join(folder, 'index.html'), good + bad.join('x'));
    expect(checkLinks(folder)).toEqual({
      pages: 2,
      bad: ['index.html: gone.html', 'index.html: other.html#gone', 'index.html: https://x.example/x.js'],
    });
    rmSync(folder, { recursive: true });
  });
});
