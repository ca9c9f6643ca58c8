// Maps the error of a failed command to its message and exit code.
import { BackupError } from '../backup/registry-files.ts';
import {
  ClockFault,
  EndPointUnknown,
  MemberHomeError,
  NoLongerMember,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  TimeUp,
} from '../client/errors.ts';
import { SavedRosterError, type SavedRosterFault } from '../client/saved-roster.ts';
import { REFUSAL_TEXT } from '../errors.ts';
import { StoreUnusableError } from '../store/store.ts';
import { UsageError } from './client-flags.ts';
import { OperatorError } from './operator-error.ts';

/** One line for stderr, and the exit code. */
export interface Failure {
  readonly text: string;
  readonly exitCode: 1 | 2 | 3;
}

const ROSTER_EXIT_CODES: Readonly<Record<SavedRosterFault, Failure['exitCode']>> = {
  ...{ format: 2, memory: 2 },
  ...{ registry: 3, signature: 3 },
  ...{ members: 1, older: 1, differs: 1 },
};

/** Undefined for an unexpected error, which is a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof UsageError) return { text: error.message, exitCode: 2 };
  if (error instanceof MemberHomeError) return { text: `--home: ${error.message}`, exitCode: 2 };
  if (error instanceof RegistryRefused) return { text: `the registry refused: ${refusalText(error)}`, exitCode: 1 };
  if (error instanceof NoLongerMember) return { text: error.message, exitCode: 1 };
  if (error instanceof TimeUp)
    return { text: 'cannot reach the registry: no answer within the time limit', exitCode: 3 };
  if (error instanceof RegistryUnreachable) return { text: `cannot reach the registry: ${error.message}`, exitCode: 3 };
  if (error instanceof RegistryUntrusted) return { text: `not the expected registry: ${error.message}`, exitCode: 3 };
  if (error instanceof ClockFault) return { text: error.message, exitCode: 3 };
  if (error instanceof EndPointUnknown) return { text: `--end-point: ${error.message}`, exitCode: 2 };
  if (error instanceof SavedRosterError) return { text: error.message, exitCode: ROSTER_EXIT_CODES[error.fault] };
  if (error instanceof ProtocolError) return { text: error.message, exitCode: 3 };
  if (error instanceof StoreUnusableError) return { text: error.message, exitCode: 1 };
  if (error instanceof BackupError) return { text: error.message, exitCode: 2 };
  if (error instanceof OperatorError) return { text: error.message, exitCode: error.exitCode };
  return undefined;
}

/** Advice to the user, by the text of a refusal. */
const REMEDIES: Readonly<Record<string, string>> = {
  [REFUSAL_TEXT['member-name-in-use']]:
    'to return as that member, use its home (--home); if its keys are lost, run xlreg evict CLUSTER MEMBER first',
  [REFUSAL_TEXT['join-token-needed']]: 'pass --token or XLREG_TOKEN; xlreg token add makes one',
  [REFUSAL_TEXT['join-token-dialect']]: 'only --dialect sealed carries one',
  [REFUSAL_TEXT['cluster-admits-differently']]:
    'the cluster exists, and these keys have not made it with this token; xlreg token add makes another one',
  [REFUSAL_TEXT['not-owner']]: 'use the home of xlreg create (--home), or --admin as the operator',
  [REFUSAL_TEXT['id-in-use']]:
    'the keys in this home (--home) differ from those that the registry has for this ID, or it is registered in sealed',
};

function refusalText({ message, text }: RegistryRefused): string {
  const remedy = REMEDIES[text];
  return remedy === undefined ? message : `${message}; ${remedy}`;
}
