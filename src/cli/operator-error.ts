// The error of operators' commands, and of results that end a command with another exit code than 0.

/** Facts about a failure for programs. */
export interface FailureFacts {
  /** A word for the failure, which never changes. By default it follows from the exit code. */
  readonly code?: string | undefined;
  /** True if the same command may succeed later. By default it is for exit code 3. */
  readonly retryable?: boolean;
}

const CODES = { 1: 'FAILED', 2: 'BAD_USAGE', 3: 'ADMIN_PORT_UNREACHABLE' } as const;

/** A message for stderr, and the exit code: 1 refused or failed, 2 wrong usage, 3 server not reachable. */
export class OperatorError extends Error {
  override readonly name = 'OperatorError';
  readonly exitCode: 1 | 2 | 3;
  readonly code: string;
  readonly retryable: boolean;

  constructor(message: string, exitCode: 1 | 2 | 3, { code, retryable }: FailureFacts = {}) {
    super(message);
    this.exitCode = exitCode;
    this.code = code ?? CODES[exitCode];
    this.retryable = retryable ?? exitCode === 3;
  }
}
