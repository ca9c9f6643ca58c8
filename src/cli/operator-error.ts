// What goes wrong in the commands of those who run a registry.

/** One line, and the exit code: 1 it was refused or failed, 2 wrong usage, 3 the server cannot be reached. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: 1 | 2 | 3;

  constructor(message: string, exitCode: 1 | 2 | 3) {
    super(message);
    this.exitCode = exitCode;
  }
}
