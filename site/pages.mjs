// The pages of the site: those of docs/, README.md, and all Markdown that they link to. They are copied with the files that
// they link to, each with its title and its group in front, as TypeDoc reads them.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const GROUPS = { tutorial: 'Tutorial', 'how-to': 'How-to', reference: 'Reference', explanation: 'Explanation' };
/** Inline links and images. Code in which one seems to be stays as it is. */
const LINK = /(`[^`\n]*`|^```[\s\S]*?^```)|(!?)\[([^\]]*)\]\(([^)\s#]+)(#[^)\s]+)?\)/gm;

/** Copies the pages from the checkout `top` to the folder `to`. Returns their paths without README.md. */
export function copyPages(top, to) {
  const docs = readdirSync(join(top, 'docs'), { recursive: true }).filter((path) => path.endsWith('.md'));
  const pages = new Set(['README.md', ...docs.map((path) => join('docs', path))]);
  for (const page of pages) {
    const text = readFileSync(join(top, page), 'utf8').replaceAll(LINK, (whole, code, image, label, path, anchor) => {
      if (code !== undefined || /^[a-z]+:/.test(path)) return whole;
      const target = normalize(join(dirname(page), path));
      const found = statSync(join(top, target), { throwIfNoEntry: false });
      // The check of the built site reports it.
      if (found === undefined) return whole;
      // A folder is no page of the site.
      if (!found.isFile()) return label;
      if (target.endsWith('.md')) pages.add(target);
      else copy(join(top, target), join(to, target));
      return `${image}[${label}](${path}${anchor ?? ''})`;
    });
    const place = join(to, page);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, page === 'README.md' ? text : withTitle(page, text));
  }
  return [...pages].filter((page) => page !== 'README.md');
}

/** Moves the title from the first heading to the front matter. */
function withTitle(page, text) {
  const [, title, rest] = /^# (.*)\n([\s\S]*)$/.exec(text) ?? [];
  if (title === undefined) throw new Error(`${page} does not begin with a title`);
  const [, folder] = page.split('/');
  const group = page.startsWith('docs/') ? GROUPS[folder] : 'Repository';
  if (group === undefined) throw new Error(`${page} is in no folder of ${Object.keys(GROUPS).join(', ')}`);
  return `---\ntitle: ${JSON.stringify(title.replaceAll('`', ''))}\ngroup: ${group}\n---\n${rest}`;
}

function copy(from, to) {
  if (existsSync(to)) return;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
}
