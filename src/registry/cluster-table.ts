// The table of clients and clusters: applies commands in order and says which records changed. Pure: no clock, no
// randomness, no storage. Invariants: an ID belongs to one client, one cluster or the registry; a name to one cluster.
import { strict as assert } from 'node:assert';
import type { Refusal } from '../errors.ts';
import { Cluster } from './cluster.ts';
import type {
  Change,
  ClientRecord,
  ClusterRef,
  Command,
  CreateCommand,
  GetClusterCommand,
  MemberRecord,
  RegisterCommand,
  Reply,
} from './command.ts';

/** An answer, and the record that must be stored before it may be given. */
export interface Outcome {
  readonly reply: Reply;
  readonly change?: Change;
  /** Takes the change back; outcomes are undone in the reverse order of their commands. */
  undo(): void;
}

/** How many of everything there is. */
export interface TableCounts {
  readonly clients: number;
  readonly clusters: number;
  readonly members: number;
}

export class ClusterTable {
  readonly #registryId: string;
  readonly #clients = new Map<string, ClientRecord>();
  readonly #clustersById = new Map<string, Cluster>();
  readonly #clustersByName = new Map<string, Cluster>();
  #members = 0;

  /** `registryId` is the one ID that can be nobody's, besides that of all zeros. */
  constructor(registryId: string) {
    this.#registryId = registryId;
  }

  get counts(): TableCounts {
    return { clients: this.#clients.size, clusters: this.#clustersById.size, members: this.#members };
  }

  /** Carries a command out in memory. */
  apply(command: Command): Outcome {
    switch (command.kind) {
      case 'register':
        return this.#register(command);
      case 'find-client': {
        const client = this.#clients.get(command.clientId);
        return client ? answer({ kind: 'client', token: client.token }) : refuse('client-unknown');
      }
      case 'create':
        return this.#create(command);
      case 'join':
        return this.#join(command.clientId, command.cluster);
      case 'get-cluster':
        return this.#getCluster(command);
    }
  }

  /** Takes a record over as it is: at startup, after a command of ours, or because another server stored it first. */
  absorb(change: Change): void {
    switch (change.kind) {
      case 'client':
        this.#clients.set(change.clientId, change);
        return;
      case 'cluster': {
        const displaced = this.#clustersByName.get(change.name);
        if (displaced?.record.id === change.id) return;
        if (displaced) this.#remove(displaced);
        const cluster = new Cluster(change);
        this.#clustersById.set(change.id, cluster);
        this.#clustersByName.set(change.name, cluster);
        return;
      }
      case 'member': {
        const cluster = this.#clustersById.get(change.clusterId);
        assert(cluster, 'a member has a cluster');
        const before = cluster.memberCount;
        cluster.seat(change);
        this.#members += cluster.memberCount - before;
        return;
      }
    }
  }

  /** The record that stands where this one would go. */
  #standing(change: Change): Change | undefined {
    if (change.kind === 'client') return this.#clients.get(change.clientId);
    if (change.kind === 'cluster') return this.#clustersByName.get(change.name)?.record;
    return this.#clustersById.get(change.clusterId)?.memberAt(change.index);
  }

  #withdraw(change: Change): void {
    if (change.kind === 'client') {
      this.#clients.delete(change.clientId);
    } else if (change.kind === 'cluster') {
      this.#remove(this.#clustersById.get(change.id)!);
    } else {
      this.#clustersById.get(change.clusterId)!.unseatLast(change);
      this.#members -= 1;
    }
  }

  #remove(cluster: Cluster): void {
    this.#clustersById.delete(cluster.record.id);
    this.#clustersByName.delete(cluster.record.name);
    this.#members -= cluster.memberCount;
  }

  #register(command: RegisterCommand): Outcome {
    const { clientId } = command;
    const known = this.#clients.get(clientId);
    const taken = known
      ? known.sigKeyDigest !== command.sigKeyDigest
      : clientId === this.#registryId || /^0+$/.test(clientId) || this.#clustersById.has(clientId);
    if (taken) return refuse('id-in-use');
    return this.#commit({ ...command, kind: 'client' }, { kind: 'registered' });
  }

  #create(command: CreateCommand): Outcome {
    const existing = this.#clustersByName.get(command.name);
    if (existing) return answer({ kind: 'cluster', cluster: propertiesOf(existing) });
    assert(!this.#clustersById.has(command.id) && !this.#clients.has(command.id), 'a fresh cluster ID is fresh');
    const cluster = { ...command, kind: 'cluster' } as const;
    return this.#commit(cluster, { kind: 'cluster', cluster: propertiesOf({ record: cluster }) });
  }

  #join(clientId: string, ref: ClusterRef): Outcome {
    const client = this.#clients.get(clientId);
    if (!client) return refuse('client-unknown');
    const cluster = this.#find(ref);
    if (!cluster) return refuseUnknown(ref);
    if (client.endPointCount < cluster.record.endPointCount) {
      return refuse(cluster.record.endPointCount === 1 ? 'one-end-point-needed' : 'two-end-points-needed');
    }
    const seated = cluster.memberOfClient(clientId);
    if (!seated && cluster.isFull) return refuse('cluster-full');
    const namesake = cluster.memberNamed(client.name);
    if (namesake && namesake !== seated) return refuse('member-name-in-use');
    const member: MemberRecord = {
      kind: 'member',
      clusterId: cluster.record.id,
      index: seated?.index ?? cluster.memberCount,
      clientId,
      name: client.name,
      token: client.token,
    };
    const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
    return seated?.token === client.token ? answer(reply) : this.#commit(member, reply);
  }

  #getCluster(command: GetClusterCommand): Outcome {
    const cluster = this.#find(command.cluster);
    if (!cluster) return refuseUnknown(command.cluster);
    const from = command.goOn?.clusterId === cluster.record.id ? command.goOn.from : 0;
    const { which, next, bytes } = cluster.roster(command.which, from, command.rosterBytesMax);
    return answer({ kind: 'roster', cluster: propertiesOf(cluster), which, next, roster: bytes });
  }

  #find(ref: ClusterRef): Cluster | undefined {
    return 'id' in ref ? this.#clustersById.get(ref.id) : this.#clustersByName.get(ref.name);
  }

  #commit(change: Change, reply: Reply): Outcome {
    const before = this.#standing(change);
    this.absorb(change);
    return { reply, change, undo: () => (before ? this.absorb(before) : this.#withdraw(change)) };
  }
}

function propertiesOf({ record }: Pick<Cluster, 'record'>) {
  return { id: record.id, size: record.size, endPointCount: record.endPointCount, attrs: record.attrs };
}

function answer(reply: Reply): Outcome {
  return { reply, undo: () => {} };
}

function refuse(refusal: Refusal): Outcome {
  return answer({ kind: 'refused', refusal });
}

function refuseUnknown(ref: ClusterRef): Outcome {
  return refuse('id' in ref ? 'cluster-id-unknown' : 'cluster-name-unknown');
}
