// Stops a process as SIGSTOP does, and waits for it: kill() returns before the kernel has stopped all threads.
import type { ChildProcess } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { until } from './until.ts';

/** Resolves when every thread of the process is stopped. `child.kill('SIGCONT')` lets it go on. */
export async function stopProcess(child: ChildProcess): Promise<void> {
  const tasks = `/proc/${child.pid}/task`;
  child.kill('SIGSTOP');
  await until(() => readdirSync(tasks).every((task) => stateOf(`${tasks}/${task}/stat`) === 'T'));
}

/** The state follows the program's name, which stands in parentheses and may contain some. */
function stateOf(path: string): string | undefined {
  const stat = readFileSync(path, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}
