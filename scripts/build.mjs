// Compiles src, workers and bench into dist/, bundles the browser's client into one module, and copies the files that
// need no compiling: the generated message code and the status page.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
compile('tsconfig.build.json');
compile('tsconfig.browser.json', '--noEmit', 'false', '--emitDeclarationOnly', '--declaration', '--outDir', 'dist');
buildSync({
  entryPoints: ['src/browser/index.ts'],
  outfile: 'dist/src/browser/index.js',
  ...{ bundle: true, format: 'esm', target: 'es2022', legalComments: 'none', logLevel: 'warning' },
});

for (const place of ['src/wire/generated', 'src/store/etcd/generated', 'src/admin/page'])
  cpSync(place, `dist/${place}`, { recursive: true });
chmodSync('dist/src/cli/main.js', 0o755);
writeFileSync('dist/.built', '');

function compile(project, ...flags) {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', project, ...flags], {
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}
