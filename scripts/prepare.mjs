// Makes a checkout ready to run: installs the locked dependencies and builds, each only when missing or stale. Imports
// nothing but Node itself, because no dependency may be installed yet.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const top = fileURLToPath(new URL('..', import.meta.url));
const inside = (path) => join(top, path);

function run(command, args) {
  process.stderr.write(`> ${command} ${args.join(' ')}\n`);
  // Output goes to stderr: the stdout of `npm start` belongs to the server.
  const done = spawnSync(command, args, { cwd: top, stdio: ['ignore', 2, 2] });
  if (done.status !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed${done.error ? `: ${done.error.message}` : ''}\n`);
    process.exit(done.status ?? 1);
  }
}

/** The latest modification time, in ms since the epoch, of the files below the given paths. */
function newest(paths) {
  let latest = 0;
  for (const path of paths) {
    const stat = statSync(inside(path));
    if (stat.isDirectory())
      latest = Math.max(latest, newest(readdirSync(inside(path)).map((name) => join(path, name))));
    latest = Math.max(latest, stat.mtimeMs);
  }
  return latest;
}

// npm writes a lockfile of what it installed. A newer package-lock.json means that the dependencies have changed since.
const installedLock = 'node_modules/.package-lock.json';
const installed = existsSync(inside(installedLock)) && newest([installedLock]) >= newest(['package-lock.json']);
if (!installed) run('npm', ['ci']);

const built = existsSync(inside('dist/.built')) ? statSync(inside('dist/.built')).mtimeMs : 0;
if (
  !installed ||
  built <
    newest([
      ...['src', 'workers', 'bench', 'scripts/build.mjs', 'package.json'],
      ...['tsconfig.json', 'tsconfig.build.json', 'tsconfig.browser.json'],
    ])
) {
  run(process.execPath, ['scripts/build.mjs']);
}
