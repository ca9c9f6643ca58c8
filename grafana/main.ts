// npm run grafana: writes the dashboards and the alert rules. With --check it fails if the committed files are stale.
// --runbook-base URL is the address of docs/how-to/alerts.md in the links of the alerts.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ALERTS, printRules, RUNBOOK_BASE } from './alerts.ts';
import { clusters } from './clusters.ts';
import { cryptoPool } from './crypto-pool.ts';
import { buildDashboard } from './dashboard.ts';
import { overview } from './overview.ts';
import { store } from './store.ts';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, 'runbook-base': { type: 'string', default: RUNBOOK_BASE } },
});
const { check, 'runbook-base': runbookBase } = values;
if (!/^https?:/.test(runbookBase) || !URL.canParse(runbookBase)) {
  console.error(`--runbook-base: ${runbookBase} should be https://…`);
  process.exit(2);
}

const outputs = new Map([
  ...[overview, cryptoPool, store, clusters].map(
    (dashboard) =>
      [`dashboards/${dashboard.name}.json`, `${JSON.stringify(buildDashboard(dashboard), null, 2)}\n`] as const,
  ),
  ['alert-rules.yml', printRules(ALERTS, runbookBase)] as const,
]);

for (const [name, text] of outputs) {
  const path = fileURLToPath(new URL(name, import.meta.url));
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`grafana/${name} is stale: run npm run grafana and commit the result`);
    process.exit(1);
  }
}
