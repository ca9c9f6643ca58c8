// Writes a run to files: JSON for programs, an HTML page for people.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Earlier } from './bars.ts';
import { htmlPage } from './html-page.ts';
import type { Report } from './report.ts';

/** Writes both files into `directory`, named after the time of the run; resolves to their paths. */
export async function writeReport(
  report: Report,
  directory: string,
  earlier?: Earlier,
): Promise<{ json: string; html: string }> {
  await mkdir(directory, { recursive: true });
  const stem = join(directory, report.environment.date.replaceAll(':', '-').replace(/\..*$/, ''));
  const [json, html] = [`${stem}.json`, `${stem}.html`];
  await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(html, htmlPage(report, earlier));
  return { json, html };
}
