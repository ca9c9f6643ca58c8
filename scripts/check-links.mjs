// Checks every relative link in the Markdown of the checkout: the file exists, and so does the heading it names. Prints
// each broken link as FILE: LINK, and exits with 1. Links to other sites are not followed.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const { stdout } = spawnSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.md'], {
  encoding: 'utf8',
});
const pages = stdout.split('\n').filter((path) => path !== '' && existsSync(path));
const anchors = new Map();
const broken = pages.flatMap((page) =>
  linksOf(page).flatMap((link) => (isGood(page, link) ? [] : [`${page}: ${link}`])),
);
for (const link of broken) console.error(link);
if (broken.length === 0) console.log(`links: ${pages.length} pages, no broken link`);
process.exitCode = broken.length === 0 ? 0 : 1;

/** `[text](link)`, `![text](link "title")` and `[text]: link`. */
function linksOf(page) {
  const text = withoutBlocks(page).replace(/`[^`\n]*`/g, 'code');
  const found = [...text.matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g), ...text.matchAll(/^\[[^\]]+\]: +(\S+)/gm)];
  return found.map(([, link]) => link);
}

function isGood(page, link) {
  if (/^[a-z]+:/.test(link)) return true;
  const [path, anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(target)) return false;
  if (anchor === undefined) return true;
  return statSync(target).isFile() && anchorsOf(target).has(anchor);
}

/** The anchors that GitHub makes of a page's headings: those of one text are numbered from the second on. */
function anchorsOf(page) {
  if (!anchors.has(page)) {
    const seen = new Map();
    const numbered = [...withoutBlocks(page).matchAll(/^#+ (.+)$/gm)].map(([, title]) => {
      const slug = slugOf(title);
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    });
    anchors.set(page, new Set(numbered));
  }
  return anchors.get(page);
}

/** Inline code keeps its text in a heading, a link its own. */
function slugOf(title) {
  const text = title
    .replace(/\[([^\]]*)\]\([^)]*\)/g, '$1')
    .replaceAll('`', '')
    .trim()
    .toLowerCase();
  return text.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
}

/** Fenced and indented code may hold what looks like a link or a heading. */
function withoutBlocks(page) {
  return readFileSync(page, 'utf8')
    .replace(/^ *```.*?^ *```/gms, '')
    .replace(/(?<=\n)\n(?: {4,}.*\n)+(?=\n|$)/g, '\n');
}
