// npm run screenshots: the pictures of the status page in docs/, of a real registry whose clusters fill meanwhile.

import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { ClientRegistry } from '../client/client-registry.ts';
import { adminToken } from '../support/admin-token.ts';
import { chromiumProgram, launchChromium } from '../support/chromium.ts';

const DOCS = fileURLToPath(new URL('../../docs/', import.meta.url));
/** Name, seats, how many are taken when the picture is made, and how many of them have confirmed. */
const CLUSTERS = [
  ['build-agents', 12, 12],
  ['render-farm-eu', 16, 11],
  ['ledger.replicas', 5, 5],
  ['sensors_north', 64, 38],
  ['ci-e2e-4711', 4, 4, 2],
  ['chat-mesh', 8, 3],
  ['staging', 3, 0],
] as const satisfies readonly (readonly [string, number, number, number?])[];
/** Members join during this time: a chart covers a minute. */
const SECONDS = 60;

const executable = chromiumProgram();
if (!executable) process.exit(1);
const registry = await ClientRegistry.start({ args: ['--name', 'registry.example'] });
const browser = await launchChromium(executable);
try {
  const token = adminToken(registry.process.dataDir);
  const page = await browser.newPage({ viewport: { width: 980, height: 600 } });
  await page.goto(`http://127.0.0.1:${registry.process.adminPort}/`);
  await page.fill('#token', token);
  await page.click('#sign-in button');
  const { session } = await registry.identify('operator');
  for (const [name, size, , confirmed] of CLUSTERS.toReversed()) {
    await session.create(name, { size, confirmMs: confirmed === undefined ? 0 : 600_000 });
  }
  const joins = CLUSTERS.flatMap(([name, , taken, confirmed = 0]) =>
    Array.from({ length: taken }, (_, at) => ({ name, at, confirms: at < confirmed })),
  );
  const confirming: (() => Promise<unknown>)[] = [];
  for (let second = 0, joined = 0; second < SECONDS; second++) {
    const next = setTimeout(1_000);
    // The rate of joins varies; the last second completes them.
    const until = (joins.length * (second + 1)) / SECONDS + 2 * Math.sin(second / 2);
    for (; joined < joins.length && (joined < until || second === SECONDS - 1); joined++) {
      const { name, at, confirms } = joins[joined]!;
      const member = await registry.identify(`node-${String(at).padStart(2, '0')}`);
      await member.session.join(name);
      if (confirms) confirming.push(() => member.session.cluster(name));
    }
    await next;
  }
  // The first request tells the round, the second one confirms it.
  for (let asked = 0; asked < 2; asked++) for (const ask of confirming) await ask();
  await setTimeout(2_000);
  await page.screenshot({ path: join(DOCS, 'images/status-page.png'), fullPage: true });
  await page.setViewportSize({ width: 360, height: 780 });
  await page.emulateMedia({ colorScheme: 'dark' });
  await page.screenshot({ path: join(DOCS, 'images/status-page-phone.png') });
} finally {
  await browser.close();
  await registry.stop();
}
