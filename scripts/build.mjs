// Compiles src, workers and bench into dist/, and copies the files that need no compiling: the generated message code
// and the status page.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync('dist', { recursive: true, force: true });
const compiled = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'], {
  stdio: 'inherit',
});
if (compiled.status !== 0) process.exit(compiled.status ?? 1);

for (const place of ['src/wire/generated', 'src/store/etcd/generated', 'src/admin/page'])
  cpSync(place, `dist/${place}`, { recursive: true });
chmodSync('dist/src/cli/main.js', 0o755);
writeFileSync('dist/.built', '');
