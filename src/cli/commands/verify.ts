// xlreg verify: verifies a roster that xlreg members --save has written, without its registry.
import { createReadStream } from 'node:fs';
import { verifySavedRoster } from '../../client/index.ts';
import { SAVED_ROSTER_BYTES_MAX, SavedRosterError, savedRosterJson } from '../../client/saved-roster.ts';
import { registryIdOf } from '../../client/statements.ts';
import { readCommandLine, UsageError } from '../client-flags.ts';
import { rosterMemoryOf } from '../member-place.ts';
import { printCount, printFields, printJson, printMembers } from '../print.ts';
import { readRegistry } from '../registry-source.ts';
import { warnOfRestore } from '../saved-rosters.ts';

/** Resolves to the exit code. Rejects with UsageError or SavedRosterError, or as readRegistry() does. */
export async function verify(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, positionals } = readCommandLine(args, { positionals: ['FILE'], options: {} });
  const [path] = positionals as [string];
  const bytes = await readFile(path);
  const regCred = await readRegistry(flags, signal);
  const memory = rosterMemoryOf(registryIdOf(regCred));
  const roster = await verifySavedRoster(bytes, regCred, memory).catch((error: unknown) => {
    if (!(error instanceof SavedRosterError) || error.fault === 'memory') throw error;
    throw new SavedRosterError(error.fault, `${path}: ${error.message}`, { cause: error });
  });
  const { cluster, clusterId, registryId, size, term, epoch, time, members } = roster;
  if (flags.json) {
    printJson('verify', savedRosterJson(roster));
  } else {
    printFields([
      ['cluster', cluster],
      ['ID', clusterId],
      ['registry', registryId],
      ['term', String(term)],
      ['epoch', String(epoch)],
      ['time', time.toISOString()],
      ['members', printCount(members, size)],
    ]);
    printMembers(members);
  }
  warnOfRestore('verify', roster);
  return 0;
}

/** Reads one byte more than a saved roster may have, which the verifier refuses. Rejects with UsageError. */
async function readFile(path: string): Promise<Uint8Array> {
  try {
    const pieces: Uint8Array[] = [];
    for await (const piece of createReadStream(path, { end: SAVED_ROSTER_BYTES_MAX })) pieces.push(piece);
    return Buffer.concat(pieces);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new UsageError(`${path} cannot be read: ${code ?? message}`);
  }
}
