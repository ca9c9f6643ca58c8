// Simulates containers and other machines on one: Linux namespaces, which need root.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs the following command as pid 1 of its own PID namespace, which ends with it. */
export const IN_CONTAINER: readonly string[] = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

/** Runs the following command with another boot ID, as on another machine; its file is made in a directory. */
export function onOtherMachine(directory: string): readonly string[] {
  const bootId = join(directory, `boot-id-${randomUUID()}`);
  writeFileSync(bootId, `${randomUUID()}\n`);
  const bind = `mount --bind '${bootId}' /proc/sys/kernel/random/boot_id && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', bind, 'sh'];
}

/** Runs the following command as a user who owns nothing. */
export const AS_NOBODY: readonly string[] = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

/** Tells whether such commands work here; if not, says on the console what is skipped. */
export function canRun([command, ...args]: readonly string[], what: string): boolean {
  const { status } = spawnSync(command!, [...args, 'true'], { stdio: 'ignore' });
  if (status !== 0) console.log(`SKIPPED, ${what}: ${command} does not work here`);
  return status === 0;
}
