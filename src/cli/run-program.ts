// Runs the program of `xlreg join --exec`: with the roster in a file and facts in its environment, and to its end.
// Invariant: no secret is in that environment.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { dirname, resolve } from 'node:path';
import { writeSharedDurably } from '../runtime/atomic-file.ts';
import { OperatorError } from './operator-error.ts';
import { jsonText } from './print.ts';
import { isInForeground } from './terminal-line.ts';

/** The roster's file in the member's home. */
const ROSTER_FILE = 'roster.json';
const ROSTER_MODE = 0o600;

/** Variables that may hold a secret of the command or of a registry. The program does not get them. */
const SECRETS = ['XLREG_TOKEN', 'XLREG_ETCD_PASSWORD'];

/** Signals that end a command; the program gets them instead. */
const PASSED_ON = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Facts for a program about the cluster and its own member. */
export interface ProgramFacts {
  readonly cluster: string;
  readonly clusterId: string;
  readonly name: string;
  readonly id: string;
  readonly index: number;
  readonly home: string;
  /** The JSON object of `xlreg members`. */
  readonly roster: object;
}

/** The variables that a program gets, with their values. */
export function programVariables({ cluster, clusterId, name, id, index, home }: ProgramFacts) {
  return {
    XLREG_ROSTER_FILE: resolve(home, ROSTER_FILE),
    XLREG_CLUSTER: cluster,
    XLREG_CLUSTER_ID: clusterId,
    XLREG_MEMBER_NAME: name,
    XLREG_MEMBER_ID: id,
    XLREG_INDEX: String(index),
    XLREG_HOME: resolve(home),
  };
}

/**
 * Runs `command` by `sh -c`, and resolves to its exit code, or to 128 plus the number of the signal that ended it. From
 * its start the program alone decides when this process ends. Rejects with OperatorError if the roster cannot be written
 * or sh does not start, and with the reason of `signal` if that was aborted before.
 */
export async function runProgram(command: string, facts: ProgramFacts, signal: AbortSignal): Promise<number> {
  const variables = programVariables(facts);
  await writeRoster(variables.XLREG_ROSTER_FILE, facts.roster);
  signal.throwIfAborted();
  const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !SECRETS.includes(name)));
  const program = spawn('sh', ['-c', command], { stdio: 'inherit', env: { ...inherited, ...variables } });
  for (const name of PASSED_ON) {
    process.removeAllListeners(name);
    // The terminal sends its signals to each process in its foreground. The program must not get them twice.
    process.on(name, () => (name !== 'SIGTERM' && isInForeground() ? undefined : void program.kill(name)));
  }
  try {
    const [code, endedBy] = (await once(program, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[endedBy!];
  } catch (error) {
    throw new OperatorError(`--exec: sh does not start: ${(error as Error).message}`, 1);
  }
}

async function writeRoster(path: string, roster: object): Promise<void> {
  try {
    await writeSharedDurably(dirname(path), ROSTER_FILE, `${jsonText(roster, 2)}\n`, ROSTER_MODE);
  } catch (error) {
    throw new OperatorError(`--exec: ${path} cannot be written: ${(error as Error).message}`, 2);
  }
}
