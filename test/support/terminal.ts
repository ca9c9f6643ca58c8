// A terminal for a command line, made by script(1) of util-linux.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** False where script(1) is missing; the console says so. */
export const hasTerminal = spawnSync('script', ['--version']).status === 0;
if (!hasTerminal) console.warn('skipped: script(1) is missing, so no command gets a terminal');

/** The bytes that the terminal got, with its control characters, and the exit code. */
export interface OnTerminal {
  readonly code: number | null;
  readonly text: string;
}

/** Runs a command of the shell on a terminal of its own, to its end. Lines end with a line feed alone. */
export async function runOnTerminal(command: string, cwd: string, env: NodeJS.ProcessEnv): Promise<OnTerminal> {
  const child = spawn('script', ['-qec', command, '/dev/null'], { cwd, env, stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  const [code] = await once(child, 'close');
  return { code, text: text.replaceAll('\r\n', '\n') };
}
