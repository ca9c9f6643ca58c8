// What a failed command says and with which code it ends: one table.
import {
  MemberHomeError,
  NoLongerMember,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
  TimeUp,
} from '../client/errors.ts';
import { REFUSAL_TEXT } from '../errors.ts';
import { StoreUnusableError } from '../store/store.ts';
import { UsageError } from './client-flags.ts';
import { OperatorError } from './operator-error.ts';

/** One line for stderr, and the exit code. */
export interface Failure {
  readonly text: string;
  readonly exitCode: 1 | 2 | 3;
}

/** Undefined for what is none of these, which makes it a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (error instanceof UsageError) return { text: error.message, exitCode: 2 };
  if (error instanceof MemberHomeError) return { text: `--home: ${error.message}`, exitCode: 2 };
  if (error instanceof RegistryRefused) return { text: `the registry refused: ${refusalText(error)}`, exitCode: 1 };
  if (error instanceof NoLongerMember) return { text: error.message, exitCode: 1 };
  if (error instanceof TimeUp) return { text: 'cannot reach the registry: no answer before time was up', exitCode: 3 };
  if (error instanceof RegistryUnreachable) return { text: `cannot reach the registry: ${error.message}`, exitCode: 3 };
  if (error instanceof RegistryUntrusted) return { text: `not the registry meant: ${error.message}`, exitCode: 3 };
  if (error instanceof ProtocolError) return { text: error.message, exitCode: 3 };
  if (error instanceof StoreUnusableError) return { text: error.message, exitCode: 1 };
  if (error instanceof OperatorError) return { text: error.message, exitCode: error.exitCode };
  return undefined;
}

/** What a user can do about a refusal, where the registry's words do not say it. */
const REMEDIES: Readonly<Record<string, string>> = {
  [REFUSAL_TEXT['member-name-in-use']]:
    'to come back as that member use its home (--home); if its keys are lost, xlreg evict CLUSTER MEMBER makes room',
  [REFUSAL_TEXT['id-in-use']]: 'the keys in this home (--home) are not those the registry knows this ID by',
};

function refusalText({ message, text }: RegistryRefused): string {
  const remedy = REMEDIES[text];
  return remedy === undefined ? message : `${message}; ${remedy}`;
}
