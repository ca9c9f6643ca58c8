// xlreg leave: gives a member's seat in a cluster back.
import { loadMember, type Member } from '../../client/index.ts';
import { assertName } from '../../client/join/enter.ts';
import { registryIdOf } from '../../client/statements.ts';
import { begin } from '../begin.ts';
import { name, readCommandLine, UsageError } from '../client-flags.ts';
import { homeOf } from '../member-place.ts';
import { printJson } from '../print.ts';
import { connectOptions, readRegistry } from '../registry-source.ts';

/** Resolves to 0, also if the member has no seat. Rejects as the client library does, or with UsageError. */
export async function leave(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values, positionals } = readCommandLine(args, {
    positionals: ['NAME'],
    options: { name: { type: 'string' }, home: { type: 'string' } },
  });
  const clusterName = name('NAME', positionals[0]!);
  if (values.name === undefined) throw new UsageError('--name is missing');
  const memberName = name('--name', values.name);
  if (flags.dialect !== 'sealed') {
    throw new UsageError(`--dialect: ${flags.dialect} has no message to leave a cluster; xlreg evict removes a member`);
  }
  const regCred = await readRegistry(flags, signal);
  const home = values.home ?? (await homeOf(memberName, registryIdOf(regCred)));
  const member = await memberAt(home, memberName);
  const { session, begun } = await begin(regCred, connectOptions(flags, regCred, signal), async (session) => {
    const { id } = await session.identify(member);
    await session.leave(clusterName);
    return id;
  });
  await session[Symbol.asyncDispose]();
  if (flags.json) printJson('leave', { left: clusterName, name: memberName, id: begun });
  else process.stdout.write(`${memberName} has left ${clusterName}\n`);
  return 0;
}

/** Loads the member. Never makes one, because a new member has no seat. */
async function memberAt(home: string, memberName: string): Promise<Member> {
  const member = await loadMember(home);
  if (member === undefined)
    throw new UsageError(`--home: ${home} holds no member, so ${memberName} cannot leave from here`);
  assertName(member, memberName, home);
  return member;
}
