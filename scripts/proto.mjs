// Generates the static message code from proto/xlreg.proto; with --check, fails if what is committed is not current.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

function generate(program, args) {
  const made = spawnSync(process.execPath, [`node_modules/protobufjs-cli/bin/${program}`, ...args], {
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  if (made.status !== 0) throw new Error(`${program}: ${made.stderr}`);
  return made.stdout;
}

const code = generate('pbjs', [
  ...['-t', 'static-module', '-w', 'esm', '--keep-case', '--force-long'],
  ...[
    '--no-create',
    '--no-verify',
    '--no-convert',
    '--no-delimited',
    '--no-service',
    '--no-typeurl',
    '--null-defaults',
  ],
  'proto/xlreg.proto',
]);
const scratch = join(mkdtempSync(join(tmpdir(), 'xlreg-proto-')), 'xlreg.js');
writeFileSync(scratch, code);
const declarations = generate('pbts', [scratch]);
rmSync(dirname(scratch), { recursive: true });

const outputs = new Map([
  ['src/wire/generated/xlreg.js', code],
  ['src/wire/generated/xlreg.d.ts', declarations],
]);
const check = process.argv.includes('--check');
for (const [path, text] of outputs) {
  if (!check) writeFileSync(path, text);
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`${path} is not what proto/xlreg.proto generates: run npm run proto`);
    process.exit(1);
  }
}
