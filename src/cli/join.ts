// xlreg join: becomes a member of a cluster, or comes back as the one it was. Invariant: a member's keys are on disk
// before the registry hears of them, its ID before it joins; so whatever ends this half-way, it comes back as itself.
import { join as joinPath } from 'node:path';
import { beginSession, createMember, loadMember, type Member, type RegCred, saveMember } from '../client/index.ts';
import { isEndPoint } from '../wire/member-token.ts';
import { milliseconds, name, readCommandLine, UsageError } from './client-flags.ts';
import { gatherRoster, missingSeats } from './gather-roster.ts';
import { memberJson, printCount, printFields, printJson, printMembers } from './print.ts';
import { connectOptions, readRegistry } from './registry-source.ts';

const HOMES = './xlreg-home';

/** Resolves to the exit code, 1 when the time to wait is up; rejects as the client library does, or with UsageError. */
export async function join(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values, positionals } = readCommandLine(args, {
    positionals: ['NAME'],
    options: {
      name: { type: 'string' },
      'end-point': { type: 'string', multiple: true },
      home: { type: 'string' },
      wait: { type: 'string' },
    },
  });
  const clusterName = name('NAME', positionals[0]!);
  if (values.name === undefined) throw new UsageError('--name is missing');
  const memberName = name('--name', values.name);
  const endPoints = values['end-point'] ?? [];
  if (endPoints.length === 0) throw new UsageError('--end-point is missing');
  if (!endPoints.every(isEndPoint)) throw new UsageError('--end-point should be HOST:PORT, IPv6 in brackets');
  const waitMs = milliseconds('--wait', values.wait);
  const home = values.home ?? joinPath(HOMES, memberName);

  const regCred = await readRegistry(flags, signal);
  const options = connectOptions(flags, regCred, signal);
  let member: Member = { ...(await memberAt(home, memberName, regCred)), endPoints };
  await saveMember(home, member);
  const first = member.registryAddress;
  const { session, begun } = await beginSession(regCred, { ...options, first }, async (session) => {
    const { id } = await session.identify(member);
    member = { ...member, id, registryId: hex(regCred.id), registryAddress: session.address };
    await saveMember(home, member);
    return await session.join(clusterName);
  });
  try {
    const { id } = member;
    const { clusterId, size } = begun;
    const way = { regCred, connectOptions: options, member };
    const { members, complete, timeUp } = await gatherRoster(session, { ...way, clusterId, size, waitMs, signal });
    const index = members.find((other) => other.id === id)?.index;
    if (flags.json) {
      const self = { name: memberName, id, index, home };
      printJson({ ...self, clusterId, size, complete, members: members.map(memberJson) });
    } else {
      printFields([
        ['cluster', clusterName],
        ['ID', clusterId],
        ['joined as', `${memberName}, index ${index ?? 'unknown'}, ID ${id}`],
        ['home', home],
        ['members', printCount(members, size)],
      ]);
      printMembers(members);
    }
    if (!timeUp) return 0;
    const missing = missingSeats(members, size);
    process.stderr.write(`xlreg join: time is up after ${values.wait} s; missing seats: ${missing}\n`);
    return 1;
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** The member that lives there, if it is the one meant; else a new one. */
async function memberAt(home: string, memberName: string, regCred: RegCred): Promise<Member> {
  const member = await loadMember(home);
  if (member === undefined) return await createMember({ name: memberName, endPoints: [] });
  if (member.name !== memberName) {
    throw new UsageError(`--home: ${home} is the home of ${member.name}, not of ${memberName}`);
  }
  if (member.registryId !== undefined && member.registryId !== hex(regCred.id)) {
    throw new UsageError(`--home: ${home} belongs to a member of another registry, ${member.registryId}`);
  }
  return member;
}

function hex(id: Uint8Array): string {
  return Buffer.from(id).toString('hex');
}
