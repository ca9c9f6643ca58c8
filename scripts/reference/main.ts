// npm run reference: writes the pages of docs/reference that are made from code, the example of a configuration file,
// the man page and the completions. With --check it fails if a committed file is not current.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { completionScript, SHELLS } from '../../src/cli/completion.ts';
import { commandsPage } from './commands.ts';
import { errorsPage } from './errors.ts';
import { manPage } from './man-page.ts';
import { metricsPage } from './metrics.ts';
import { OUTPUT_SCHEMA, outputSchema } from './output-schema.ts';
import { exampleConfig, settingsPage } from './settings.ts';

const outputs = new Map([
  ['docs/reference/commands.md', await commandsPage()],
  ['docs/reference/errors.md', errorsPage()],
  ['docs/reference/metrics.md', await metricsPage()],
  [`docs/reference/${OUTPUT_SCHEMA}`, outputSchema()],
  ['docs/reference/settings.md', settingsPage()],
  ['packaging/config.example.json', exampleConfig()],
  ['packaging/man/xlreg.1', await manPage()],
  ...(await Promise.all(
    SHELLS.map(async (shell) => [`packaging/completions/xlreg.${shell}`, await completionScript(shell)] as const),
  )),
]);

const check = process.argv.includes('--check');
for (const [name, text] of outputs) {
  const path = fileURLToPath(new URL(`../../${name}`, import.meta.url));
  if (!check) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  } else if (!existsSync(path) || readFileSync(path, 'utf8') !== text) {
    console.error(`${name} is not what the code makes: run npm run reference`);
    process.exit(1);
  }
}
