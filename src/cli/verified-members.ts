// Flags and messages about statements: what a member says of itself, and whether the entries of a roster are verified.
import { escapeText } from '../client/escape-text.ts';
import type { ClusterMember, Labels, UnverifiedReason } from '../client/index.ts';
import { areLabels } from '../client/member.ts';
import { type ClientFlags, UsageError } from './client-flags.ts';

const EXPLAINED: Readonly<Record<UnverifiedReason, string>> = {
  none: 'it has no statement, as a client in an RSA dialect',
  bad: 'its key has not signed this entry',
  older: 'its statement is older than one seen before',
  conflict: 'its statement, ID or name contradicts another one',
  'key-changed': 'its ID was seen with another key',
  stripped: 'its statement is missing, and was seen before',
};

/** Parses the values of --label. Throws UsageError. */
export function memberLabels(values: readonly string[]): Labels {
  const labels = values.map((value) => /^([^=]+)=(.*)$/s.exec(value));
  if (labels.includes(null)) throw new UsageError('--label should be KEY=VALUE');
  const found = Object.fromEntries(labels.map((label) => [label![1]!, label![2]!]));
  if (Object.keys(found).length < values.length) throw new UsageError('--label: a key is given twice');
  if (areLabels(found)) return found;
  throw new UsageError(
    '--label: keys are names of 63 characters at most, values have no control characters, 512 bytes in all',
  );
}

/** The value of --require-verified. Throws UsageError in an RSA dialect, which has no statements. */
export function requireVerified(values: { readonly 'require-verified'?: boolean }, { dialect }: ClientFlags): boolean {
  const required = values['require-verified'] === true;
  if (required && dialect !== 'sealed') throw new UsageError('--require-verified needs --dialect sealed');
  return required;
}

/** A line for each member that is not verified, if that is an error: `none` is one only if `required`. */
export function unverifiedLines(members: readonly ClusterMember[], required: boolean): string[] {
  const faults = members.filter(({ unverified }) => unverified !== undefined && (required || unverified !== 'none'));
  return faults.map(({ index, name, unverified }) => {
    const why = `${unverified}: ${EXPLAINED[unverified!]}`;
    return `member ${index}, ${escapeText(name)}, is not verified (${why})`;
  });
}

/** Warns on stderr of members whose statement is older than one seen before a restore of the registry. */
export function warnOfRestoredMembers(command: string, members: readonly ClusterMember[]): void {
  for (const { index, name } of members.filter(({ restored }) => restored)) {
    const why = 'the registry was restored from a backup, and this statement is older than one seen before';
    process.stderr.write(`xlreg ${command}: warning: member ${index}, ${escapeText(name)}: ${why}\n`);
  }
}
