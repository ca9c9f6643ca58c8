// xlreg audit verify: checks that no line of an audit log is missing, changed or in another order.
import { join } from 'node:path';
import { AUDIT_FILE, AUDIT_KEY_FILE, AuditKeyError, readAuditKey } from '../../audit/audit-files.ts';
import { SnapshotError } from '../../audit/snapshot.ts';
import { type Verification, verifyAudit } from '../../audit/verify.ts';
import { readSome } from '../../config.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { OperatorError } from '../operator-error.ts';
import { DATA_DIRECTORY_FLAGS, operatorSources, orUsageError } from '../operator-settings.ts';
import { printJson } from '../print.ts';

/** Resolves to 0 for a sound log. Rejects with UsageError, or with OperatorError, also for a log that is not sound. */
export async function audit(args: readonly string[]): Promise<number> {
  const hasFile = args[1] !== undefined && !args[1].startsWith('-');
  const { values, positionals } = readArguments(args, {
    positionals: hasFile ? ['verify', 'FILE'] : ['verify'],
    options: {
      ...DATA_DIRECTORY_FLAGS,
      expect: { type: 'string' },
      json: { type: 'boolean' },
    },
  });
  const { dataDir, auditLog } = orUsageError(() => readSome(['data-dir', 'audit-log'], operatorSources(values)));
  const [verb, file = auditLog ?? join(dataDir, AUDIT_FILE)] = positionals;
  const { expect } = values;
  if (verb !== 'verify') throw new UsageError('use xlreg audit verify');
  if (expect !== undefined && !/^[0-9a-f]{64}$/.test(expect)) throw new UsageError('--expect should be 64 hex digits');
  const found = await verifyAudit(file, await keyIn(dataDir), expect).catch((error: Error) => {
    const isKnown = error instanceof SnapshotError || 'syscall' in error;
    throw isKnown ? new OperatorError(`cannot read the audit log: ${error.message}`, 2) : error;
  });
  if (values.json)
    printJson('audit-verify', { sound: found.problem === undefined, ...found, problem: found.problem ?? null });
  else process.stdout.write(textOf(found));
  if (found.problem === undefined) return 0;
  throw new OperatorError(found.problem, 1, { code: 'AUDIT_LOG_UNSOUND' });
}

async function keyIn(dataDirectory: string) {
  const path = join(dataDirectory, AUDIT_KEY_FILE);
  const key = await readAuditKey(dataDirectory).catch((error: Error) => {
    throw error instanceof AuditKeyError || 'syscall' in error ? new OperatorError(error.message, 2) : error;
  });
  if (key) return key;
  throw new OperatorError(`${path} is missing: pass the --data-dir of the registry that wrote the log`, 2);
}

function textOf({ lines, files, first, last, lost, torn, problem }: Verification): string {
  const numbers = first === undefined || !last ? '' : `, numbers ${first} to ${last.sequence}`;
  const word = problem === undefined ? 'sound' : 'sound before the first problem';
  const notes = [
    ...(lost > 0 ? [`lost for lack of room, as the log itself says: ${lost} lines`] : []),
    ...(torn > 0 ? [`torn by a crash and cut off, as the log itself says: ${torn} lines`] : []),
    ...(last ? [`newest hash: ${last.hash}`] : []),
  ];
  return [`${word}: ${lines} lines in ${files} files${numbers}`, ...notes].map((line) => `${line}\n`).join('');
}
