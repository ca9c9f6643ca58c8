// Records what the server acknowledged to clients, and compares it with the records on disk after the server's death.

import type { ClientRecord, ClusterRecord, MemberRecord, MemberRef } from '../../src/registry/command.ts';
import { readTable } from '../../src/store/lmdb/table-reader.ts';
import { decodeRoster } from '../../src/wire/message.ts';

/** The acknowledgements, in order. IDs are hex. */
export class Journal {
  /** By client ID: the version of the token acknowledged last. */
  readonly clients = new Map<string, number>();
  /** By name: the cluster ID that the server replied. */
  readonly clusters = new Map<string, string>();
  /** By cluster ID: the clients whose Join was acknowledged. */
  readonly members = new Map<string, Set<string>>();
  /** Contradicting acknowledgements; there must be none. */
  readonly contradictions: string[] = [];
  count = 0;

  registered(clientId: string, version: number): void {
    this.count += 1;
    this.clients.set(clientId, version);
  }

  created(name: string, id: string): void {
    this.count += 1;
    const known = this.clusters.get(name);
    if (known !== undefined && known !== id) this.contradictions.push(`cluster ${name} is ${known} and ${id}`);
    this.clusters.set(name, id);
  }

  joined(clusterId: string, clientId: string): void {
    this.count += 1;
    const members = this.members.get(clusterId) ?? new Set();
    this.members.set(clusterId, members.add(clientId));
  }
}

/** A table on disk. */
export interface DiskTable {
  readonly clients: ReadonlyMap<string, ClientRecord>;
  readonly clusters: ReadonlyMap<string, ClusterRecord>;
  /** By cluster ID, then by index. */
  readonly members: ReadonlyMap<string, readonly (MemberRecord | MemberRef)[]>;
}

/** Reads the table of a data directory. Rejects at a torn record. */
export async function readDisk(dataDirectory: string): Promise<DiskTable> {
  const clients = new Map<string, ClientRecord>();
  const clusters = new Map<string, ClusterRecord>();
  const members = new Map<string, (MemberRecord | MemberRef)[]>();
  await readTable(dataDirectory, async ({ records }) => {
    for (const record of [...records].flat()) {
      if (record.kind === 'client') clients.set(record.clientId, record);
      else if (record.kind === 'cluster') clusters.set(record.name, record);
      else if (record.kind !== 'entry') {
        const seats = members.get(record.clusterId) ?? [];
        members.set(record.clusterId, seats);
        seats.push(record);
      }
    }
  });
  return { clients, clusters, members };
}

/** The version of a token: the port of its only end point. */
export function versionOf(token: Uint8Array): number {
  return Number(decodeRoster(token)[0]!.MyEnds![0]!.split(':')[1]);
}

/** Acknowledgements that the table lacks, one line each; must be empty. */
export function missingFrom(disk: DiskTable, journal: Journal): string[] {
  const wrong = [...journal.contradictions];
  for (const [clientId, version] of journal.clients) {
    const record = disk.clients.get(clientId);
    if (!record) wrong.push(`client ${clientId} is missing`);
    else if (versionOf(record.token) < version) wrong.push(`client ${clientId} has an older token than acknowledged`);
  }
  for (const [name, id] of journal.clusters) {
    if (disk.clusters.get(name)?.id !== id) wrong.push(`cluster ${name} is not ${id}`);
  }
  for (const [clusterId, clientIds] of journal.members) {
    const seated = new Set(disk.members.get(clusterId)?.map((member) => member.clientId));
    for (const clientId of clientIds) if (!seated.has(clientId)) wrong.push(`${clientId} is not in ${clusterId}`);
  }
  return wrong;
}

/** Contradictions within the table or with an earlier reading of it, one line each; must be empty. */
export function inconsistencies(disk: DiskTable, earlier: DiskTable | undefined): string[] {
  const wrong: string[] = [];
  const ids = [...disk.clusters.values()].map((cluster) => cluster.id);
  if (new Set(ids).size !== ids.length) wrong.push('two clusters have one ID');
  for (const [clusterId, seats] of disk.members) {
    if (seats.some((seat, index) => seat.index !== index)) wrong.push(`indexes of ${clusterId} have a gap or a double`);
    for (const key of ['clientId', 'name'] as const) {
      if (new Set(seats.map((seat) => seat[key])).size !== seats.length) wrong.push(`${clusterId} has a ${key} twice`);
    }
    const before = earlier?.members.get(clusterId) ?? [];
    if (before.some((seat, index) => seats[index]?.clientId !== seat.clientId))
      wrong.push(`${clusterId} has moved a seat`);
  }
  return wrong;
}
