// The end of a command that cannot write its output.
import { OperatorError } from './operator-error.ts';

/** 128 plus the signal's number, as in shells. */
const ENDED_BY_SIGPIPE = 141;

/** Returns the exit code if the reader has left, such as `head`. Throws OperatorError for any other error of stdout. */
export function codeWithoutReader({ code, message }: NodeJS.ErrnoException): number {
  if (code === 'EPIPE') return ENDED_BY_SIGPIPE;
  throw new OperatorError(`cannot write the output: ${message}`, 1);
}
