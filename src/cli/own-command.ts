// The command that runs this program, for hints that people copy. npx is none: where no package is installed, it runs
// a stranger's that has the same name.
import { existsSync } from 'node:fs';
import { basename, dirname, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The script of a checkout, which no package contains. */
const CHECKOUT_SCRIPT = fileURLToPath(new URL('../../../xlreg', import.meta.url));

/**
 * Returns the command as a shell in the working directory takes it: `./xlreg` in a checkout, the path of a program in
 * node_modules, else `xlreg`. `started` is the path by which Node was given this program.
 */
export function ownCommand(started = process.argv[1] ?? '', script = CHECKOUT_SCRIPT): string {
  if (existsSync(script)) return fromHere(script);
  const isLocal = basename(dirname(started)) === '.bin';
  return isLocal ? fromHere(started) : 'xlreg';
}

/** A shell looks up a command without a slash in PATH. */
function fromHere(path: string): string {
  const short = relative('.', path);
  return short.includes(sep) ? short : `.${sep}${short}`;
}
