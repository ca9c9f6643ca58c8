// Checks the links of a built site: each leads to a file of it, and to an element there if it names one. Nothing is loaded
// from elsewhere.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

/** Returns the number of pages, and each bad link as `PAGE: LINK`. */
export function checkLinks(folder) {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  // TypeDoc copies the files to which pages link, such as an example page, to media/.
  const pages = paths.filter((path) => path.endsWith('.html') && !path.startsWith(join(folder, 'media/')));
  const texts = new Map(pages.map((page) => [page, readFileSync(page, 'utf8')]));
  const ids = new Map([...texts].map(([page, text]) => [page, idsOf(text)]));
  const bad = pages.flatMap((page) =>
    linksOf(texts.get(page))
      .filter((link) => !isGood(page, link, ids))
      .map(({ to }) => `${relative(folder, page)}: ${to}`),
  );
  return { pages: pages.length, bad };
}

/** Links with the element that has them: only `a` may lead to another site. */
function linksOf(html) {
  const found = html.matchAll(/<(\w+)\b[^>]*?\s(?:href|src)="([^"]*)"/g);
  return [...found].map(([, element, to]) => ({ element, to: to.replaceAll('&amp;', '&') }));
}

function isGood(page, { element, to }, ids) {
  if (to.startsWith('data:')) return true;
  if (/^[a-z]+:|^\/\//.test(to)) return element === 'a';
  const [path, anchor] = to.split('#').map(decodeURIComponent);
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(target)) return false;
  return anchor === undefined || anchor === '' || !ids.has(target) || ids.get(target).has(anchor);
}

function idsOf(html) {
  return new Set([...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id));
}
