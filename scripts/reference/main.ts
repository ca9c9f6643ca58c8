// npm run reference: writes the pages of docs/reference that are made from code, and the example of a configuration
// file. With --check it fails if a committed file is not current.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { commandsPage } from './commands.ts';
import { metricsPage } from './metrics.ts';
import { exampleConfig, settingsPage } from './settings.ts';

const outputs = new Map([
  ['docs/reference/commands.md', await commandsPage()],
  ['docs/reference/metrics.md', await metricsPage()],
  ['docs/reference/settings.md', settingsPage()],
  ['packaging/config.example.json', exampleConfig()],
]);

const check = process.argv.includes('--check');
for (const [name, text] of outputs) {
  const path = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  if (!check) writeFileSync(path, text);
  else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
    console.error(`${name} is not what the code makes: run npm run reference`);
    process.exit(1);
  }
}
