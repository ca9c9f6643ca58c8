// Containers and other machines, as far as one machine can be several: namespaces of Linux, which take root.
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs what follows as pid 1 of a PID namespace of its own, which dies with this command. */
export const IN_CONTAINER: readonly string[] = ['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'];

/** Runs what follows with another boot ID, as a process of another machine has; its file is made in a directory. */
export function onOtherMachine(directory: string): readonly string[] {
  const bootId = join(directory, `boot-id-${randomUUID()}`);
  writeFileSync(bootId, `${randomUUID()}\n`);
  const bind = `mount --bind '${bootId}' /proc/sys/kernel/random/boot_id && exec "$@"`;
  return ['unshare', '--mount', 'sh', '-c', bind, 'sh'];
}

/** Runs what follows as a user who owns nothing. */
export const AS_NOBODY: readonly string[] = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];

/** Whether commands like these work here. Says aloud what is skipped if not. */
export function canRun([command, ...args]: readonly string[], what: string): boolean {
  const { status } = spawnSync(command!, [...args, 'true'], { stdio: 'ignore' });
  if (status !== 0) console.log(`SKIPPED, ${what}: ${command} does not work here`);
  return status === 0;
}
