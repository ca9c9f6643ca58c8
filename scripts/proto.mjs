// Generates the static message code from the files in proto/. With --check it fails if the committed code is stale.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** Generates the message code of a .proto file and its type declarations. */
function messages(proto, further) {
  const code = generate('pbjs', [
    ...['-t', 'static-module', '-w', 'esm', '--keep-case', '--force-long', ...further],
    ...['--no-create', '--no-verify', '--no-convert', '--no-delimited', '--no-service', '--no-typeurl'],
    proto,
  ]);
  const scratch = join(mkdtempSync(join(tmpdir(), 'xlreg-proto-')), 'messages.js');
  writeFileSync(scratch, code);
  // TypeScript 5.5 resolves a require to the declarations for CommonJS, in which Long is no type.
  const declarations = generate('pbts', [scratch]).replace(
    'import Long = require("long");',
    'import type Long from "long";',
  );
  rmSync(dirname(scratch), { recursive: true });
  return { code, declarations };
}

const check = process.argv.includes('--check');
for (const [proto, place, ...further] of [
  ['proto/xlreg.proto', 'src/wire/generated/xlreg', '--null-defaults'],
  ['proto/etcd.proto', 'src/store/etcd/generated/etcd', '-r', 'etcd'],
]) {
  const { code, declarations } = messages(proto, further);
  for (const [path, text] of [
    [`${place}.js`, code],
    [`${place}.d.ts`, declarations],
  ]) {
    if (!check) {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    } else if (readFileSync(path, 'utf8') !== text) {
      console.error(`${path} is stale: run npm run proto and commit the result (source: ${proto})`);
      process.exit(1);
    }
  }
}
