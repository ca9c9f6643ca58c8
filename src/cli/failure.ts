// Maps the error of a failed command to its message, its code for programs, and the exit code.
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
  XlRegError,
} from '../client/errors.ts';
import { SavedRosterError, type SavedRosterFault } from '../client/saved-roster.ts';
import { StoreUnusableError } from '../store/store.ts';
import { UsageError } from './client-flags.ts';
import { OperatorError } from './operator-error.ts';

/** The reason of a command that did not end with 0. */
export interface Failure {
  /** Lines for stderr, each with the command's name before it. */
  readonly text: string;
  /** A word for programs, which never changes. */
  readonly code: string;
  /** True if the same command may succeed later. */
  readonly retryable: boolean;
  readonly exitCode: 1 | 2 | 3;
}

const ROSTER_EXIT_CODES: Readonly<Record<SavedRosterFault, Failure['exitCode']>> = {
  ...{ format: 2, memory: 2 },
  ...{ registry: 3, signature: 3 },
  ...{ members: 1, older: 1, differs: 1 },
};

type Kind = new (...args: never[]) => Error;

/** Errors of the client library: the words before their message, and the exit code. The first row that matches counts. */
const CLIENT_ERRORS: readonly (readonly [kind: Kind, before: string, exitCode: Failure['exitCode']])[] = [
  [MemberHomeError, '--home: ', 2],
  [EndPointUnknown, '--end-point: ', 2],
  [NoLongerMember, '', 1],
  [RegistryRefused, 'the registry refused: ', 1],
  [RegistryUnreachable, 'cannot reach the registry: ', 3],
  [RegistryUntrusted, 'not the expected registry: ', 3],
  [ClockFault, '', 3],
  [ProtocolError, '', 3],
];

/** Undefined for an unexpected error, which is a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof XlRegError) return clientFailure(error);
  if (error instanceof TimeUp) {
    const text = 'cannot reach the registry: no answer within the time limit';
    return { text, code: 'NO_ANSWER', retryable: true, exitCode: 3 };
  }
  if (error instanceof OperatorError) {
    const { message, code, retryable, exitCode } = error;
    return { text: message, code, retryable, exitCode };
  }
  if (!(error instanceof Error)) return undefined;
  const failure = { text: error.message, retryable: false };
  if (error instanceof UsageError) return { ...failure, code: 'BAD_USAGE', exitCode: 2 };
  if (error instanceof StoreUnusableError) return { ...failure, code: 'STORE_UNUSABLE', exitCode: 1 };
  if (error instanceof BackupError) return { ...failure, code: 'BACKUP_UNUSABLE', exitCode: 2 };
  return undefined;
}

function clientFailure(error: XlRegError): Failure | undefined {
  const { message, code, retryable, remedy } = error;
  if (error instanceof SavedRosterError) {
    return { text: message, code, retryable, exitCode: ROSTER_EXIT_CODES[error.fault] };
  }
  const [, before = '', exitCode] = CLIENT_ERRORS.find(([kind]) => error instanceof kind) ?? [];
  if (exitCode === undefined) return undefined;
  const next = remedy === undefined ? '' : `; ${remedy}`;
  return { text: `${before}${message}${next}`, code, retryable, exitCode };
}
