// Keeps a run: as JSON for programs, as a page for people.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { htmlPage } from './html-page.ts';
import type { Report } from './report.ts';

/** Writes both into the directory, named after the run's time; returns their paths. */
export async function writeReport(report: Report, directory: string): Promise<{ json: string; html: string }> {
  await mkdir(directory, { recursive: true });
  const stem = join(directory, report.environment.date.replaceAll(':', '-').replace(/\..*$/, ''));
  const [json, html] = [`${stem}.json`, `${stem}.html`];
  await writeFile(json, `${JSON.stringify(report, undefined, 2)}\n`);
  await writeFile(html, htmlPage(report));
  return { json, html };
}
