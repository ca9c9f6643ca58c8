// xlreg keys: shows a registry's comms keys, creates a new one, or removes the previous one.
import { IdentityError } from '../../identity/identity.ts';
import { commsKeys, retireCommsKey, rotateCommsKey } from '../../identity/key-rotation.ts';
import { keyFingerprint } from '../../wire/rsa-key.ts';
import { readArguments, UsageError } from '../client-flags.ts';
import { OperatorError } from '../operator-error.ts';
import { DATA_DIRECTORY_FLAGS, dataDirectoryOf } from '../operator-settings.ts';
import { printFields, printJson } from '../print.ts';

const ACTIONS = { show: commsKeys, rotate: rotateCommsKey, retire: retireCommsKey };

/** The next step of the operator, by action. */
const NEXT: Readonly<Record<string, string>> = {
  rotate:
    'Restart the registry, then give clients its new regCred.dat. Clients with the old one are served meanwhile.\n',
  retire: 'Restart the registry: until then it serves the previous key.\n',
};

/** Resolves to 0. Rejects with UsageError or OperatorError. */
export async function keys(args: readonly string[]): Promise<number> {
  const { values, positionals } = readArguments(args, {
    positionals: ['show|rotate|retire'],
    options: {
      ...DATA_DIRECTORY_FLAGS,
      json: { type: 'boolean' },
      force: { type: 'boolean', default: false },
    },
  });
  const verb = positionals[0]!;
  if (!Object.hasOwn(ACTIONS, verb)) throw new UsageError('xlreg keys needs show, rotate or retire');
  if (values.force && verb !== 'retire') throw new UsageError('--force is only for xlreg keys retire');
  const act = ACTIONS[verb as keyof typeof ACTIONS];
  const { current, previous } = await act(dataDirectoryOf(values), values.force).catch((error) => {
    throw error instanceof IdentityError ? new OperatorError(error.message, 2) : error;
  });
  if (values.json) {
    printJson('keys', { current: keyFingerprint(current), previous: previous ? keyFingerprint(previous) : null });
    return 0;
  }
  printFields([
    ['comms key', keyFingerprint(current)],
    ['previous', previous ? keyFingerprint(previous) : 'none'],
  ]);
  process.stderr.write(NEXT[verb] ?? '');
  return 0;
}
