// xlreg members: lists the members of a cluster without joining it.
import { type ClusterRef, createVisitor, type Member } from '../../client/index.ts';
import { rosterJson } from '../../client/roster-json.ts';
import { registryIdOf } from '../../client/statements.ts';
import { begin } from '../begin.ts';
import { type ClientFlags, name, readCommandLine, UsageError } from '../client-flags.ts';
import { stateField } from '../cluster-state.ts';
import { type GatheredRoster, gatherRoster } from '../gather-roster.ts';
import { assertGathered } from '../gathered-outcome.ts';
import { givenJoinToken } from '../join-token-flags.ts';
import { rosterMemoryOf } from '../member-place.ts';
import { printCount, printFields, printJson, printMembers } from '../print.ts';
import { connectOptions, readRegistry } from '../registry-source.ts';
import { warnOfRestore, writeSavedRoster } from '../saved-rosters.ts';
import { requireVerified } from '../verified-members.ts';
import { Wait } from '../wait.ts';

/** 64 or 40 hex digits are an ID. A cluster whose name looks like this has to be given by its ID. */
const ID = /^([0-9a-f]{40}|[0-9a-f]{64})$/i;

/** Requests no members: the reply has only the cluster's ID and size (R8). */
const NOBODY = 0n;

/**
 * Resolves to 0. Rejects as the client library does, or with UsageError; with OperatorError if members are not verified
 * or the time is up.
 */
export async function members(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values, positionals } = readCommandLine(args, {
    positionals: ['NAME or ID'],
    options: {
      wait: { type: 'string' },
      'require-verified': { type: 'boolean' },
      token: { type: 'string' },
      save: { type: 'string' },
    },
  });
  const joinToken = givenJoinToken(values.token, flags.dialect, 'xlreg members');
  const required = requireVerified(values, flags);
  const { save } = values;
  if (save !== undefined && flags.dialect !== 'sealed') throw new UsageError('--save needs --dialect sealed');
  const text = positionals[0]!;
  const cluster: ClusterRef = ID.test(text) ? { id: text.toLowerCase() } : name('NAME', text);
  const wait = new Wait('members', values.wait, signal);
  const visitor = await createVisitor();
  try {
    const found = await wait.retry(() => findOnce(flags, { cluster, joinToken }, visitor, wait.signal));
    const roster = await report(found, { text, cluster }, flags, wait);
    const { clusterId } = found;
    const wanted = { cluster: { id: clusterId }, joinToken };
    if (save !== undefined && !roster.timeUp) {
      await wait.retry(() => saveOnce(flags, wanted, visitor, save, wait.signal));
    }
    assertGathered(roster, { command: 'members', verified: required, seconds: wait.seconds });
    return 0;
  } finally {
    wait.end();
  }
}

/** A cluster, and the token that admits to it, if it needs one. */
interface Wanted {
  readonly cluster: ClusterRef;
  readonly joinToken: string | undefined;
}

/** Opens a session and finds the cluster once. */
async function findOnce(flags: ClientFlags, { cluster, joinToken }: Wanted, visitor: Member, signal: AbortSignal) {
  const regCred = await readRegistry(flags, signal);
  const options = { ...connectOptions(flags, regCred, signal), joinToken };
  const { session, begun } = await begin(regCred, options, async (session) => ({
    ...(await session.identify(visitor)),
    ...(await session.cluster(cluster, NOBODY)),
  }));
  const { id, clusterId, size } = begun;
  return { regCred, options, session, member: { ...visitor, id }, clusterId, size };
}

/** Saves the signed roster of the cluster's epoch, in a session of its own. */
async function saveOnce(flags: ClientFlags, wanted: Wanted, visitor: Member, path: string, signal: AbortSignal) {
  const { session, regCred } = await findOnce(flags, wanted, visitor, signal);
  try {
    const { bytes, roster } = await session.savedRoster(wanted.cluster, rosterMemoryOf(registryIdOf(regCred)));
    await writeSavedRoster(path, bytes);
    warnOfRestore('members', roster);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** Gathers the roster and prints it. */
async function report(
  { regCred, options, session, member, clusterId, size }: Awaited<ReturnType<typeof findOnce>>,
  { text, cluster }: { readonly text: string; readonly cluster: ClusterRef },
  { json }: ClientFlags,
  wait: Wait,
): Promise<GatheredRoster> {
  try {
    const way = { regCred, connectOptions: options, member, cluster, wait };
    const roster = await gatherRoster(session, { ...way, clusterId, size });
    if (json) {
      printJson('members', rosterJson({ ...roster, cluster: typeof cluster === 'string' ? cluster : undefined }));
    } else {
      printFields([
        ['cluster', text],
        ['ID', roster.clusterId],
        ['members', printCount(roster.members, roster.size)],
        ...stateField(roster),
      ]);
      printMembers(roster.members);
    }
    return roster;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}
