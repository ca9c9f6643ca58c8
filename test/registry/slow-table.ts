// The cluster table as the rules have it (T10, T11, R1, R5 to R9, R13), without any thought of speed: what ClusterTable has
// to agree with. It takes commands that the sessions have already judged.

import type {
  ClusterProperties,
  ClusterRef,
  Command,
  GetClusterCommand,
  RegisterCommand,
  Reply,
} from '../../src/registry/command.ts';

interface SlowMember {
  readonly clientId: string;
  readonly name: string;
  readonly token: Uint8Array;
}

interface SlowCluster extends ClusterProperties {
  readonly name: string;
  readonly members: readonly SlowMember[];
}

/** All there is; never changed, so that an earlier one can be gone back to. */
export interface SlowTable {
  readonly registryId: string;
  readonly clients: readonly RegisterCommand[];
  readonly clusters: readonly SlowCluster[];
}

/** The reply to a command, and the table after it. */
export function applySlowly(table: SlowTable, command: Command): readonly [Reply, SlowTable] {
  switch (command.kind) {
    case 'register': {
      const known = table.clients.find(({ clientId }) => clientId === command.clientId);
      const nobodys = [
        table.registryId,
        '0'.repeat(command.clientId.length),
        ...table.clusters.map(({ id }) => id),
      ].includes(command.clientId);
      const taken = known ? known.sigKeyDigest !== command.sigKeyDigest : nobodys;
      if (taken) return [{ kind: 'refused', refusal: 'id-in-use' }, table];
      const others = table.clients.filter((client) => client !== known);
      return [{ kind: 'registered' }, { ...table, clients: [...others, command] }];
    }
    case 'find-client': {
      const client = table.clients.find(({ clientId }) => clientId === command.clientId);
      return [client ? { kind: 'client', token: client.token } : { kind: 'refused', refusal: 'client-unknown' }, table];
    }
    case 'create': {
      const existing = table.clusters.find(({ name }) => name === command.name);
      if (existing) return [{ kind: 'cluster', cluster: propertiesOf(existing) }, table];
      const cluster = { ...command, members: [] };
      const clusters = [...table.clusters, cluster];
      return [
        { kind: 'cluster', cluster: propertiesOf(cluster) },
        { ...table, clusters },
      ];
    }
    case 'join':
      return join(table, command.clientId, command.cluster);
    case 'get-cluster': {
      const cluster = find(table, command.cluster);
      return [cluster ? roster(cluster, command) : notFound(command.cluster), table];
    }
  }
}

function join(table: SlowTable, clientId: string, ref: ClusterRef): readonly [Reply, SlowTable] {
  const refused = (refusal: Extract<Reply, { kind: 'refused' }>['refusal']) =>
    [{ kind: 'refused', refusal }, table] as const;
  const client = table.clients.find((client) => client.clientId === clientId);
  const cluster = find(table, ref);
  if (!client) return refused('client-unknown');
  if (!cluster) return [notFound(ref), table];
  const others = cluster.members.filter((member) => member.clientId !== clientId);
  const isMember = others.length < cluster.members.length;
  if (client.endPointCount < cluster.endPointCount) {
    return refused(cluster.endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
  }
  if (!isMember && cluster.members.length >= cluster.size) return refused('cluster-full');
  if (others.some(({ name }) => name === client.name)) return refused('member-name-in-use');
  const { name, token } = client;
  const seat = { clientId, name, token };
  const members = isMember
    ? cluster.members.map((member) => (member.clientId === clientId ? seat : member))
    : [...cluster.members, seat];
  const clusters = table.clusters.map((one) => (one === cluster ? { ...cluster, members } : one));
  return [
    { kind: 'cluster', cluster: propertiesOf(cluster) },
    { ...table, clusters },
  ];
}

/** Rules R8 and R9, member by member. */
function roster(cluster: SlowCluster, { which, goOn, rosterBytesMax }: GetClusterCommand): Reply {
  const count = cluster.members.length;
  const all = cluster.members.map((member, index) => ({ ...member, index }));
  const from = goOn?.clusterId === cluster.id ? goOn.from : 0;
  const start = count === 0 ? 0 : from % count;
  const wanted = [...all.slice(start), ...all.slice(0, start)].filter(
    ({ index }) => ((which >> BigInt(index)) & 1n) === 1n,
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
    roster: Uint8Array.from(inOrder.flatMap(({ token }) => [...token])),
  };
}

function find(table: SlowTable, ref: ClusterRef): SlowCluster | undefined {
  return table.clusters.find(({ id, name }) => ('id' in ref ? id === ref.id : name === ref.name));
}

function notFound(ref: ClusterRef): Reply {
  return { kind: 'refused', refusal: 'id' in ref ? 'cluster-id-unknown' : 'cluster-name-unknown' };
}

function propertiesOf({ id, size, endPointCount, attrs }: SlowCluster): ClusterProperties {
  return { id, size, endPointCount, attrs };
}
