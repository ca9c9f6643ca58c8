// Stalls threads of a registry, as a disk does that gives no answer: a library of stalling-threads.c, preloaded.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from './until.ts';

/** `sync` stalls threads that sync the table, `times` workers that read their CPU times. */
type What = 'sync' | 'times';

/** Stalls of one registry. */
export interface Stalls {
  /** The environment of the registry. */
  readonly env: Readonly<Record<string, string>>;
  /** Stalls threads that do this from now on. */
  stall(what: What): void;
  /** Resolves when one thread has stalled; no other will. */
  stalled(what: What): Promise<void>;
  /** Lets the stalled thread go on. */
  letGo(): void;
}

/** Compiles the library into a directory. Returns undefined and logs the reason where there is no compiler. */
export function compileStalls(directory: string): (() => Stalls) | undefined {
  const library = join(directory, 'stalling-threads.so');
  const source = fileURLToPath(new URL('stalling-threads.c', import.meta.url));
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], { stdio: 'pipe' });
  } catch (error) {
    console.log(`SKIPPED, no thread can be made to stand still here: ${(error as Error).message.trim()}`);
    return undefined;
  }
  return () => stallsOf(library, mkdtempSync(join(directory, 'control-')));
}

function stallsOf(library: string, control: string): Stalls {
  return {
    env: { LD_PRELOAD: library, STALLING_THREADS: control },
    stall: (what) => writeFileSync(join(control, what), ''),
    async stalled(what) {
      await until(() => existsSync(join(control, 'stalled')));
      rmSync(join(control, what));
    },
    letGo: () => writeFileSync(join(control, 'go'), ''),
  };
}
