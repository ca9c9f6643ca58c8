// Maps the error of a failed command to its message, its code for programs, and the exit code.
import { BackupError } from '../backup/registry-files.ts';
import {
  ClockFault,
  EndPointUnknown,
  HelloRefused,
  MemberHomeError,
  mayPass,
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

/** The errors whose message is shown after a few words. The first row that matches counts. */
const KINDS: readonly (readonly [kind: Kind, before: string, code: string, exitCode: Failure['exitCode']])[] = [
  [UsageError, '', 'bad-usage', 2],
  [MemberHomeError, '--home: ', 'member-home', 2],
  [NoLongerMember, '', 'no-longer-member', 1],
  [HelloRefused, 'cannot reach the registry: ', 'hello-refused', 3],
  [RegistryUnreachable, 'cannot reach the registry: ', 'registry-unreachable', 3],
  [RegistryUntrusted, 'not the expected registry: ', 'registry-untrusted', 3],
  [ClockFault, '', 'clock-fault', 3],
  [EndPointUnknown, '--end-point: ', 'end-point-unknown', 2],
  [ProtocolError, '', 'protocol-violated', 3],
  [StoreUnusableError, '', 'store-unusable', 1],
  [BackupError, '', 'backup-unusable', 2],
];

/** Undefined for an unexpected error, which is a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof TimeUp) {
    const text = 'cannot reach the registry: no answer within the time limit';
    return { text, code: 'registry-unreachable', retryable: true, exitCode: 3 };
  }
  if (error instanceof RegistryRefused) {
    const text = `the registry refused: ${refusalText(error)}`;
    return { text, code: refusalCode(error), retryable: mayPass(error), exitCode: 1 };
  }
  if (error instanceof SavedRosterError) {
    const { message, fault } = error;
    return { text: message, code: `saved-roster-${fault}`, retryable: false, exitCode: ROSTER_EXIT_CODES[fault] };
  }
  if (error instanceof OperatorError) {
    const { message, code, retryable, exitCode } = error;
    return { text: message, code, retryable, exitCode };
  }
  for (const [kind, before, code, exitCode] of KINDS) {
    if (error instanceof kind) return { text: before + error.message, code, retryable: mayPass(error), exitCode };
  }
  return undefined;
}

/** The name of each refusal, by its text. */
const REFUSAL_CODES: ReadonlyMap<string, string> = new Map(
  // Reversed, so that the first of several refusals with one text names it.
  Object.entries(REFUSAL_TEXT)
    .toReversed()
    .map(([code, text]) => [text, code]),
);

/** `refused` for a text that no rule has, as of another registry. */
function refusalCode({ text }: RegistryRefused): string {
  return REFUSAL_CODES.get(text) ?? 'refused';
}

/** Advice to the user, by the text of a refusal. */
const REMEDIES: Readonly<Record<string, string>> = {
  [REFUSAL_TEXT['member-name-in-use']]:
    'to return as that member, use its home (--home); if its keys are lost, run xlreg evict CLUSTER MEMBER first',
  [REFUSAL_TEXT['join-token-needed']]: 'pass --token or XLREG_TOKEN; xlreg token add makes one',
  [REFUSAL_TEXT['join-token-unknown']]: 'it was revoked, is of another cluster, or was mistyped',
  [REFUSAL_TEXT['join-token-expired']]: 'xlreg token add makes another one',
  [REFUSAL_TEXT['join-token-used-up']]: 'xlreg token add makes another one',
  [REFUSAL_TEXT['join-token-for-other']]:
    'this token, or one that is outstanding for this name, was made with --for or --observer',
  [REFUSAL_TEXT['member-replaced']]: 'new keys have its seat; join with another name, or with a token of --replace',
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
