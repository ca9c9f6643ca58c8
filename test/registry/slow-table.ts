// A plain model of the cluster table (T9 to T11, R1, R4 to R9, R13, R14). ClusterTable must agree with its replies, its
// stored changes and its expiry. Commands have passed the session's checks.

import type {
  Change,
  ClientRecord,
  ClusterProperties,
  ClusterRecord,
  ClusterRef,
  Command,
  CreateCommand,
  GetClusterCommand,
  MemberRecord,
  MemberSelector,
  OperatorCommand,
  RegisterCommand,
  Reply,
} from '../../src/registry/command.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';

interface SlowMember {
  readonly clientId: string;
  readonly name: string;
  readonly token: Uint8Array;
}

interface SlowClient {
  readonly record: ClientRecord;
  readonly stored: boolean;
  readonly lastUse: number;
}

interface SlowCluster {
  readonly record: ClusterRecord;
  /** By index, up to the last; undefined for an evicted member. */
  readonly members: readonly (SlowMember | undefined)[];
  readonly lastUse: number;
}

/** The model's state. It is immutable, so that an earlier state can be restored. */
export interface SlowTable {
  readonly registryId: string;
  readonly limits: TableLimits;
  readonly clients: readonly SlowClient[];
  readonly clusters: readonly SlowCluster[];
}

/** The result of a command. */
export interface SlowOutcome {
  readonly reply: Reply;
  readonly changes: readonly Change[];
  readonly table: SlowTable;
}

type Refusal = Extract<Reply, { kind: 'refused' }>['refusal'];

export function slowTable(registryId: string, limits: TableLimits): SlowTable {
  return { registryId, limits, clients: [], clusters: [] };
}

/** The reply to a command, its stored changes, and the table after it. */
export function applySlowly(table: SlowTable, command: Command | OperatorCommand, now: number): SlowOutcome {
  switch (command.kind) {
    case 'register':
      return register(heardOf(table, command.clientId, now), command, now);
    case 'find-client': {
      const client = table.clients.find(({ record }) => record.clientId === command.clientId);
      if (!client) return refused(table, 'client-unknown');
      return unchanged(heardOf(table, command.clientId, now), { kind: 'client', token: client.record.token });
    }
    case 'create':
      return create(table, command, now);
    case 'join':
      return join(heardOf(table, command.clientId, now), command.clientId, command.cluster, now);
    case 'confirm':
      return unchanged(table, { kind: 'registered' });
    case 'get-cluster': {
      const cluster = find(table, command.cluster);
      if (!cluster) return notFound(table, command.cluster);
      const after = heardOf(table, command.clientId, now);
      const asks = cluster.members.some((member) => member?.clientId === command.clientId);
      return unchanged(asks ? withCluster(after, { ...cluster, lastUse: now }) : after, roster(cluster, command));
    }
    case 'get-roster':
      throw new Error('the model knows no epochs');
    case 'leave': {
      const after = heardOf(table, command.clientId, now);
      const left = evict(after, command.cluster, { id: command.clientId }, now);
      if (left.reply.kind !== 'refused' || left.reply.refusal !== 'client-unknown') return left;
      return unchanged(after, { kind: 'cluster', cluster: propertiesOf(find(after, command.cluster)!) });
    }
    case 'evict':
      return evict(table, command.cluster, command.member, now);
    case 'delete-cluster': {
      const cluster = find(table, command.cluster);
      if (!cluster) return notFound(table, command.cluster);
      const clusters = table.clusters.filter((one) => one !== cluster);
      const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
      const after = cluster.members.reduce((after, member) => heardOf(after, member?.clientId, now), table);
      return { reply, changes: [removalOf(cluster)], table: { ...after, clusters } };
    }
    case 'lift-marks':
    case 'change-tokens':
    case 'operate-tokens':
      throw new Error('the model knows neither marks nor join tokens');
    case 'keep-cluster':
      return keep(table, command, now);
  }
}

/** A sweep of everything: removes expired clusters, then clients that have no seat left. */
export function expireSlowly(
  table: SlowTable,
  now: number,
): { readonly removals: Change[][]; readonly table: SlowTable } {
  const { ephemeralTtlMs, idleRegistrationTtlMs, emptyClusterTtlMs } = table.limits;
  const old = table.clusters.filter(({ record, members, lastUse }) => {
    const unwanted = record.attrs % 2n === 1n && now - lastUse >= ephemeralTtlMs;
    return unwanted || (members.length === 0 && !record.keep && now - lastUse >= emptyClusterTtlMs);
  });
  const clusters = table.clusters.filter((cluster) => !old.includes(cluster));
  const idle = table.clients.filter(({ record, lastUse }) => {
    const seated = clusters.some(({ members }) => members.some((member) => member?.clientId === record.clientId));
    return !seated && now - lastUse >= (record.ephemeral ? ephemeralTtlMs : idleRegistrationTtlMs);
  });
  const removals = [
    ...old.map((cluster): Change[] => [removalOf(cluster)]),
    ...idle.map(({ record: { clientId }, stored }): Change[] => (stored ? [{ kind: 'client-removal', clientId }] : [])),
  ];
  return { removals, table: { ...table, clusters, clients: table.clients.filter((client) => !idle.includes(client)) } };
}

/** The state after a restart at this time: all stored records, as if just used. */
export function restartSlowly(table: SlowTable, now: number): SlowTable {
  return {
    ...table,
    clients: table.clients.filter(({ stored }) => stored).map((client) => ({ ...client, lastUse: now })),
    clusters: table.clusters.map((cluster) => ({ ...cluster, lastUse: now })),
  };
}

/** The earlier state that an undo restores; times of last use are not undone. */
export function undoneTo(earlier: SlowTable, later: SlowTable): SlowTable {
  const clients = earlier.clients.map((client) => {
    const same = later.clients.find(({ record }) => record.clientId === client.record.clientId);
    return { ...client, lastUse: Math.max(client.lastUse, same?.lastUse ?? 0) };
  });
  const clusters = earlier.clusters.map((cluster) => {
    const same = later.clusters.find(({ record }) => record.id === cluster.record.id);
    return { ...cluster, lastUse: Math.max(cluster.lastUse, same?.lastUse ?? 0) };
  });
  return { ...earlier, clients, clusters };
}

/** Every stored record. */
export function storedSlowly(table: SlowTable): (ClientRecord | ClusterRecord | MemberRecord)[] {
  return [
    ...table.clients.filter(({ stored }) => stored).map(({ record }) => record),
    ...table.clusters.map(({ record }) => record),
    ...table.clusters.flatMap((cluster) =>
      cluster.members.flatMap((member, index) => (member ? [memberRecord(cluster, index)] : [])),
    ),
  ];
}

function register(table: SlowTable, command: RegisterCommand, now: number): SlowOutcome {
  const { clientId } = command;
  const known = table.clients.find(({ record }) => record.clientId === clientId);
  const nobodys = [table.registryId, '0'.repeat(clientId.length), ...table.clusters.map(({ record }) => record.id)];
  const taken = known ? known.record.sigKeyDigest !== command.sigKeyDigest : nobodys.includes(clientId);
  if (taken) return refused(table, 'id-in-use');
  const reply: Reply = { kind: 'registered' };
  // A token contains all other fields.
  if (known && Buffer.from(known.record.token).equals(command.token)) return unchanged(table, reply);
  if (!known && table.clients.length >= table.limits.clients) return refused(table, 'registry-full');

  const record: ClientRecord = { ...command, kind: 'client' };
  const stored = known?.stored === true || !command.ephemeral;
  const seats = table.clusters.flatMap((cluster) =>
    cluster.members.flatMap((member, index) => (member?.clientId === clientId ? [memberRecord(cluster, index)] : [])),
  );
  const clients = [...table.clients.filter((client) => client !== known), { record, stored, lastUse: now }];
  return { reply, changes: stored ? [record, ...seats] : [], table: { ...table, clients } };
}

function create(table: SlowTable, command: CreateCommand, now: number): SlowOutcome {
  const existing = find(table, { name: command.name });
  if (existing) return unchanged(table, { kind: 'cluster', cluster: propertiesOf(existing) });
  if (table.clusters.length >= table.limits.clusters) return refused(table, 'registry-full');
  const { clientId: _, ...properties } = command;
  const record: ClusterRecord = { ...properties, kind: 'cluster' };
  const cluster = { record, members: [], lastUse: now };
  return {
    reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
    changes: [record],
    table: { ...table, clusters: [...table.clusters, cluster] },
  };
}

/** An operator's command: the cluster exists afterwards, and is marked. */
function keep(table: SlowTable, command: OperatorCommand & { kind: 'keep-cluster' }, now: number): SlowOutcome {
  const existing = find(table, { name: command.name });
  if (!existing) {
    if (table.clusters.length >= table.limits.clusters) return refused(table, 'registry-full');
    const record: ClusterRecord = { ...command, kind: 'cluster', keep: true };
    const cluster = { record, members: [], lastUse: now };
    const clusters = [...table.clusters, cluster];
    return {
      reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
      changes: [record],
      table: { ...table, clusters },
    };
  }
  const reply: Reply = { kind: 'cluster', cluster: propertiesOf(existing) };
  if (existing.record.keep) return unchanged(table, reply);
  const record: ClusterRecord = { ...existing.record, keep: true };
  const clusters = table.clusters.map((one) => (one === existing ? { ...existing, record } : one));
  return { reply, changes: [record], table: { ...table, clusters } };
}

function join(table: SlowTable, clientId: string, ref: ClusterRef, now: number): SlowOutcome {
  const client = table.clients.find(({ record }) => record.clientId === clientId);
  if (!client) return refused(table, 'client-unknown');
  const cluster = find(table, ref);
  if (!cluster) return notFound(table, ref);
  const { record } = client;
  const { endPointCount, size } = cluster.record;
  const index = cluster.members.findIndex((member) => member?.clientId === clientId);
  if (record.endPointCount < endPointCount) {
    return refused(table, endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
  }
  if (index < 0 && cluster.members.filter(Boolean).length >= size) return refused(table, 'cluster-full');
  if (cluster.members.some((member, i) => i !== index && member?.name === record.name)) {
    return refused(table, 'member-name-in-use');
  }
  const seats = table.clusters.filter(({ members }) => members.some((member) => member?.clientId === clientId));
  if (index < 0 && seats.length >= table.limits.seatsPerClient) return refused(table, 'seats-per-client');
  const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
  // Compared by identity: another registration may have come between.
  if (cluster.members[index]?.token === record.token) {
    return unchanged(withCluster(table, { ...cluster, lastUse: now }), reply);
  }
  const seat = { clientId, name: record.name, token: record.token };
  const free = [...cluster.members, undefined].indexOf(undefined);
  const members = Object.assign([...cluster.members], { [index < 0 ? free : index]: seat });
  const joined = { ...cluster, members, lastUse: now };
  const member = memberRecord(joined, members.indexOf(seat));
  return {
    reply,
    changes: client.stored ? [member] : [record, member],
    table: {
      ...withCluster(table, joined),
      clients: table.clients.map((one) => (one === client ? { ...client, stored: true } : one)),
    },
  };
}

/** Other members keep their seats (R14). */
function evict(table: SlowTable, ref: ClusterRef, who: MemberSelector, now: number): SlowOutcome {
  const cluster = find(table, ref);
  if (!cluster) return notFound(table, ref);
  const index = cluster.members.findIndex(
    (member) => member && ('id' in who ? member.clientId === who.id : member.name === who.name),
  );
  const member = cluster.members[index];
  if (!member) return refused(table, 'client-unknown');
  const emptied = cluster.members.with(index, undefined);
  const members = emptied.slice(0, emptied.findLastIndex((one) => one !== undefined) + 1);
  return {
    reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
    changes: [{ kind: 'member-removal', clusterId: cluster.record.id, index, clientId: member.clientId }],
    table: heardOf(
      withCluster(table, { ...cluster, members, lastUse: members.length === 0 ? now : cluster.lastUse }),
      member.clientId,
      now,
    ),
  };
}

function removalOf({ record: { id, name }, members }: SlowCluster): Change {
  return { kind: 'cluster-removal', id, name, seats: members.length };
}

/** R8 and R9, member by member. */
function roster(cluster: SlowCluster, { which, cursor, rosterBytesMax }: GetClusterCommand): Reply {
  const count = cluster.members.length;
  const all = cluster.members.map((member, index) => ({ member, index }));
  const from = cursor?.clusterId === cluster.record.id ? cursor.from : 0;
  const start = count === 0 ? 0 : from % count;
  const wanted = [...all.slice(start), ...all.slice(0, start)].flatMap(({ member, index }) =>
    member && ((which >> BigInt(index)) & 1n) === 1n ? [{ ...member, index }] : [],
  );
  const sent: typeof wanted = [];
  for (const member of wanted) {
    const length = [...sent, member].reduce((sum, { token }) => sum + token.length, 0);
    if (sent.length > 0 && length > rosterBytesMax) break;
    sent.push(member);
  }
  const last = sent.at(-1);
  const inOrder = sent.toSorted((a, b) => a.index - b.index);
  return {
    kind: 'roster',
    cluster: propertiesOf(cluster),
    which: inOrder.reduce((bits, { index }) => bits + 2n ** BigInt(index), 0n),
    next: last === undefined ? 0 : (last.index + 1) % count,
    roster: Uint8Array.from(Buffer.concat(inOrder.map(({ token }) => token))),
  };
}

/** Starts a client's time without a seat, at a use or at the loss of a seat. */
function heardOf(table: SlowTable, clientId: string | undefined, now: number): SlowTable {
  const clients = table.clients.map((client) =>
    client.record.clientId === clientId ? { ...client, lastUse: now } : client,
  );
  return { ...table, clients };
}

function withCluster(table: SlowTable, cluster: SlowCluster): SlowTable {
  return { ...table, clusters: table.clusters.map((one) => (one.record === cluster.record ? cluster : one)) };
}

function memberRecord({ record, members }: SlowCluster, index: number): MemberRecord {
  return { kind: 'member', clusterId: record.id, index, ...members[index]! };
}

function find(table: SlowTable, ref: ClusterRef): SlowCluster | undefined {
  return table.clusters.find(({ record: { id, name } }) => ('id' in ref ? id === ref.id : name === ref.name));
}

function unchanged(table: SlowTable, reply: Reply): SlowOutcome {
  return { reply, changes: [], table };
}

function refused(table: SlowTable, refusal: Refusal): SlowOutcome {
  return unchanged(table, { kind: 'refused', refusal });
}

function notFound(table: SlowTable, ref: ClusterRef): SlowOutcome {
  return refused(table, 'id' in ref ? 'cluster-id-unknown' : 'cluster-name-unknown');
}

function propertiesOf({ record: { id, size, endPointCount, attrs } }: SlowCluster): ClusterProperties {
  return { id, size, endPointCount, attrs };
}
