// xlreg join: joins a cluster as a new or returning member. Invariant: a member's keys and ID are on disk before it
// joins, so an interrupted command can return as the same member.
import {
  acceptSigKey,
  assertHomeAllows,
  forgetSealed,
  type Labels,
  type Member,
  NoLongerMember,
  openMember,
  type RegistrySession,
} from '../../client/index.ts';
import { assertName, assertRegistry, createAndJoin, identifyAndKeep } from '../../client/join/enter.ts';
import { keeperOf } from '../../client/join/identity-store.ts';
import { rosterJson } from '../../client/roster-json.ts';
import { registryIdOf } from '../../client/statements.ts';
import { begin } from '../begin.ts';
import { type ClientFlags, confirmTime, count, name, readCommandLine, UsageError } from '../client-flags.ts';
import { stateField } from '../cluster-state.ts';
import { adviceOn, memberEndPoints } from '../end-point-advice.ts';
import { type GatheredRoster, gatherRoster } from '../gather-roster.ts';
import { assertGathered } from '../gathered-outcome.ts';
import { givenJoinToken } from '../join-token-flags.ts';
import { homeOf } from '../member-place.ts';
import { OperatorError } from '../operator-error.ts';
import { printCount, printFields, printJson, printMembers } from '../print.ts';
import { connectOptions, readRegistry } from '../registry-source.ts';
import { type ProgramFacts, runProgram } from '../run-program.ts';
import { memberLabels, requireVerified } from '../verified-members.ts';
import { Wait } from '../wait.ts';

/** The parsed command line. */
interface JoinRequest {
  readonly clusterName: string;
  readonly memberName: string;
  readonly endPoints: readonly string[];
  readonly labels: Labels;
  readonly home: string | undefined;
  /** The size with which a missing cluster is created; undefined if the cluster has to exist. */
  readonly createSize: number | undefined;
  /** The confirm time of a cluster that is created, in milliseconds. */
  readonly confirmMs: number;
  /** Accept the registry's signature key in place of the one that the home remembers. */
  readonly newKey: boolean;
  /** The operator has let the member return in RSA dialects. */
  readonly markLifted: boolean;
  /** Fail unless every member is verified. */
  readonly requireVerified: boolean;
  readonly joinToken: string | undefined;
  /** The program to run once the cluster is complete; undefined without --exec. */
  readonly program: string | undefined;
}

/**
 * Resolves to 0, or to the exit code of the program of --exec. Rejects as the client library does, or with UsageError;
 * with OperatorError if members are not verified or the time is up.
 */
export async function join(args: readonly string[], signal: AbortSignal): Promise<number> {
  const { flags, values, positionals } = readCommandLine(args, {
    positionals: ['NAME'],
    options: {
      name: { type: 'string' },
      'end-point': { type: 'string', multiple: true },
      home: { type: 'string' },
      create: { type: 'boolean' },
      size: { type: 'string' },
      confirm: { type: 'string' },
      wait: { type: 'string' },
      exec: { type: 'string' },
      label: { type: 'string', multiple: true },
      'new-registry-key': { type: 'boolean' },
      'mark-lifted': { type: 'boolean' },
      'require-verified': { type: 'boolean' },
      token: { type: 'string' },
    },
  });
  const joinToken = givenJoinToken(values.token, flags.dialect, 'xlreg join');
  const clusterName = name('NAME', positionals[0]!);
  if (values.name === undefined) throw new UsageError('--name is missing');
  const memberName = name('--name', values.name);
  const endPoints = memberEndPoints(values['end-point'] ?? []);
  const createSize = sizeToCreate(values);
  if (values.confirm !== undefined && !values.create) throw new UsageError('--confirm needs --create');
  if (joinToken !== undefined && createSize !== undefined) {
    throw new UsageError('--create would make a cluster that anybody may join: with a join token, leave it out');
  }
  const wait = new Wait('join', values.wait, signal);
  const request: JoinRequest = {
    clusterName,
    memberName,
    endPoints,
    labels: memberLabels(values.label ?? []),
    home: values.home,
    createSize,
    confirmMs: confirmTime(values.confirm, flags),
    newKey: values['new-registry-key'] === true,
    markLifted: values['mark-lifted'] === true,
    requireVerified: requireVerified(values, flags),
    joinToken,
    program: programToRun(values),
  };
  let facts: ProgramFacts;
  try {
    const joined = await wait.retry(() => joinOnce(flags, request, wait.signal));
    facts = await report(joined, request, flags, wait);
  } finally {
    wait.end();
  }
  return request.program === undefined ? 0 : await runProgram(request.program, facts, signal);
}

function programToRun({ exec, wait }: { readonly exec?: string; readonly wait?: string }): string | undefined {
  if (exec !== undefined && wait === undefined) throw new UsageError('--exec needs --wait');
  if (exec?.trim() === '') throw new UsageError('--exec should be a command');
  return exec;
}

function sizeToCreate(values: { readonly create?: boolean; readonly size?: string }): number | undefined {
  if (values.create && values.size === undefined) throw new UsageError('--create needs --size');
  if (!values.create && values.size !== undefined) throw new UsageError('--size needs --create');
  return values.size === undefined ? undefined : count('--size', values.size);
}

/** Opens a session and joins once. */
async function joinOnce(flags: ClientFlags, request: JoinRequest, signal: AbortSignal) {
  const regCred = await readRegistry(flags, signal);
  const options = { ...connectOptions(flags, regCred, signal), joinToken: request.joinToken };
  const home = request.home ?? (await homeOf(request.memberName, registryIdOf(regCred)));
  const found = await openMember(home, { name: request.memberName, endPoints: [] });
  assertName(found, request.memberName, home);
  assertRegistry(found, regCred, home);
  if (request.newKey) await acceptSigKey(found, regCred);
  if (request.markLifted) await forgetSealed(found, regCred);
  await assertHomeAllows(found, regCred, flags.dialect);
  const keep = keeperOf(home, found);
  let member: Member = { ...found, endPoints: request.endPoints, labels: request.labels };
  await keep(member);
  const { clusterName: cluster, createSize: size, confirmMs } = request;
  // The report warns of another size.
  const wanted = { cluster, spec: size === undefined ? undefined : { size, confirmMs }, anySize: true };
  const rejoin = (session: RegistrySession) => createAndJoin(session, wanted);
  const first = { ...options, first: member.registryAddress };
  const { session, begun } = await begin(regCred, first, async (session) => {
    member = await identifyAndKeep(session, member, regCred, keep);
    return await rejoin(session);
  });
  return { regCred, options, home, member, rejoin, session, properties: begun };
}

/** Gathers the roster and prints it, but not before a program, whose output it would precede. Ends the session. */
async function report(
  { regCred, options, home, member, rejoin, session, properties }: Awaited<ReturnType<typeof joinOnce>>,
  { clusterName, memberName, createSize, requireVerified, program }: JoinRequest,
  { json }: ClientFlags,
  wait: Wait,
): Promise<ProgramFacts> {
  try {
    const { clusterId, size } = properties;
    if (createSize !== undefined && size !== createSize) warn(`the cluster has size ${size}, not ${createSize}`);
    if (properties.confirmMs && !wait.waits) {
      const seconds = properties.confirmMs / 1_000;
      warn(`members confirm within ${seconds} s once all have joined: the seat lasts only if this is run again`);
    }
    const cluster = { id: clusterId };
    const way = { regCred, connectOptions: options, member, cluster, wait, rejoin };
    const roster = await gatherRoster(session, { ...way, clusterId, size });
    const index = roster.members.find(({ id }) => id === member.id)?.index;
    for (const line of adviceOn(member, session.address, roster.members)) warn(line);
    if (index === undefined) throw lostMembership(roster);
    const self = { name: memberName, id: member.id!, index, home };
    if (program === undefined && json) {
      printJson('join', { ...self, ...rosterJson({ ...roster, cluster: clusterName }) });
    } else if (program === undefined) {
      printFields([
        ['cluster', clusterName],
        ['ID', roster.clusterId],
        ['joined as', `${memberName}, index ${index}, ID ${member.id}`],
        ['home', home],
        ['members', printCount(roster.members, roster.size)],
        ...stateField(roster),
      ]);
      printMembers(roster.members);
    }
    assertGathered(roster, { command: 'join', verified: requireVerified, seconds: wait.seconds });
    const named = { ...roster, cluster: clusterName };
    return { ...self, cluster: clusterName, clusterId: roster.clusterId, roster: rosterJson(named) };
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

/** The error of a roster without this member. If the time is up, the membership is unknown. */
function lostMembership({ timeUp }: GatheredRoster): Error {
  if (!timeUp) return new NoLongerMember('it is not on the roster');
  return new OperatorError('time is up before the roster had this member', 1, { code: 'TIME_UP', retryable: true });
}

function warn(text: string): void {
  process.stderr.write(`xlreg join: ${text}\n`);
}
