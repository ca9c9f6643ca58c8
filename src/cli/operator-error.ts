// The error of operators' commands.

/** A message of one line, and the exit code: 1 refused or failed, 2 wrong usage, 3 server not reachable. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: 1 | 2 | 3;

  constructor(message: string, exitCode: 1 | 2 | 3) {
    super(message);
    this.exitCode = exitCode;
  }
}
