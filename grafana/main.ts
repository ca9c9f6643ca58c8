// npm run grafana: writes the dashboards and the alert rules. With --check it fails if the committed files are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ALERTS, printRules } from './alerts.ts';
import { clusters } from './clusters.ts';
import { cryptoPool } from './crypto-pool.ts';
import { buildDashboard } from './dashboard.ts';
import { overview } from './overview.ts';
import { store } from './store.ts';

const outputs = new Map([
  ...[overview, cryptoPool, store, clusters].map(
    (dashboard) =>
      [`dashboards/${dashboard.name}.json`, `${JSON.stringify(buildDashboard(dashboard), null, 2)}\n`] as const,
  ),
  ['alert-rules.yml', printRules(ALERTS)] as const,
]);

const check = process.argv.includes('--check');
for (const [name, text] of outputs) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`grafana/${name} is stale: run npm run grafana and commit the result`);
    process.exit(1);
  }
}
