// What a failed command says and with which code it ends: one table.
import {
  MemberHomeError,
  ProtocolError,
  RegistryRefused,
  RegistryUnreachable,
  RegistryUntrusted,
} from '../client/errors.ts';
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
  if (error instanceof RegistryRefused) return { text: `the registry refused: ${error.message}`, exitCode: 1 };
  if (error instanceof RegistryUnreachable) return { text: `cannot reach the registry: ${error.message}`, exitCode: 3 };
  if (error instanceof RegistryUntrusted) return { text: `not the registry meant: ${error.message}`, exitCode: 3 };
  if (error instanceof ProtocolError) return { text: error.message, exitCode: 3 };
  if (error instanceof StoreUnusableError) return { text: error.message, exitCode: 1 };
  if (error instanceof OperatorError) return { text: error.message, exitCode: error.exitCode };
  return undefined;
}
