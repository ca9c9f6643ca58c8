// xlreg members: who is in a cluster, without joining it.
import { beginSession, type ClusterRef, createVisitor } from '../client/index.ts';
import { milliseconds, name, readCommandLine } from './client-flags.ts';
import { gatherRoster, missingSeats } from './gather-roster.ts';
import { memberJson, printCount, printFields, printJson, printMembers } from './print.ts';
import { connectOptions, readRegistry } from './registry-source.ts';

/** Of 64 or 40 hex digits: an ID. It could be a name as well, which then has to be asked for by its cluster's ID. */
const ID = /^([0-9a-f]{40}|[0-9a-f]{64})$/i;

/** Asks for nobody: the reply has the cluster's ID and size only (R8). */
const NOBODY = 0n;

/** Resolves to the exit code, 1 when the time to wait is up; rejects as the client library does, or with UsageError. */
export async function members(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values, positionals } = readCommandLine(args, {
    positionals: ['NAME or ID'],
    options: { wait: { type: 'string' } },
  });
  const text = positionals[0]!;
  const cluster: ClusterRef = ID.test(text) ? { id: text.toLowerCase() } : name('NAME', text);
  const waitMs = milliseconds('--wait', values.wait);

  const regCred = await readRegistry(flags, signal);
  const options = connectOptions(flags, regCred, signal);
  const visitor = await createVisitor();
  const { session, begun } = await beginSession(regCred, options, async (session) => ({
    ...(await session.identify(visitor)),
    ...(await session.cluster(cluster, NOBODY)),
  }));
  try {
    const { id, clusterId, size } = begun;
    const way = { regCred, connectOptions: options, member: { ...visitor, id } };
    const roster = await gatherRoster(session, { ...way, clusterId, size, waitMs, signal });
    const { complete } = roster;
    if (flags.json) printJson({ clusterId, size, complete, members: roster.members.map(memberJson) });
    else {
      printFields([
        ['cluster', text],
        ['ID', clusterId],
        ['members', printCount(roster.members, size)],
      ]);
      printMembers(roster.members);
    }
    if (!roster.timeUp) return 0;
    const missing = size === undefined ? '' : `; missing seats: ${missingSeats(roster.members, size)}`;
    process.stderr.write(`xlreg members: time is up after ${values.wait} s${missing}\n`);
    return 1;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}
