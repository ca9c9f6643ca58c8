// Makes clusters: by a client's Create, or by an operator (R1, A2). Part of stage 3 of the data path, sequential. Pure like
// the table.
import { strict as assert } from 'node:assert';
import type { Client } from './client.ts';
import { Cluster } from './cluster.ts';
import { confirmOf, propertiesOf } from './cluster-views.ts';
import type { ClusterRecord, CreateCommand, OperatorCommand, Reply } from './command.ts';
import { answer, type Outcome, refuse } from './outcome.ts';
import type { TableContents } from './table-contents.ts';
import type { TableLimits } from './time-to-live.ts';
import { repeatCreate, withTokens } from './token-commands.ts';

/** Creates a cluster unless the name exists. `now` is in milliseconds of the coordinator's clock. */
export function create(command: CreateCommand, contents: TableContents, limits: TableLimits, now: number): Outcome {
  const existing = contents.clustersByName.get(command.name);
  const maker = contents.clients.get(command.clientId);
  if (existing) return repeatCreate(existing, command, maker?.record.sigKeyDigest, propertiesOf(existing));
  if (contents.clustersById.size >= limits.clusters) return refuse('registry-full');
  if (maker && maker.clustersMade >= limits.clustersPerClient) return refuse('clusters-per-client');
  const { name, id, size, endPointCount, attrs, confirmMs, admits } = command;
  const record = { kind: 'cluster', name, id, size, endPointCount, attrs, ...confirmOf(confirmMs) } as const;
  if (!admits) return { adds: 'cluster', ...add(record, maker, contents, now) };
  if (!maker) return refuse('client-unknown');
  const added = add({ ...record, owner: maker.record.sigKeyDigest }, maker, contents, now);
  return withTokens(contents.clustersById.get(id)!, admits, { ...added, adds: 'cluster' });
}

/** Marks a cluster so that it never expires for lack of members, and creates it unless the name exists. */
export function keep(
  { kind: _, ...properties }: OperatorCommand & { kind: 'keep-cluster' },
  contents: TableContents,
  limits: TableLimits,
  now: number,
): Outcome {
  const cluster = contents.clustersByName.get(properties.name);
  if (!cluster) {
    if (contents.clustersById.size >= limits.clusters) return refuse('registry-full');
    return add({ ...properties, kind: 'cluster', keep: true }, undefined, contents, now);
  }
  const reply: Reply = { kind: 'cluster', cluster: propertiesOf(cluster) };
  const before = cluster.record;
  if (before.keep) return answer(reply);
  cluster.record = { ...before, keep: true };
  return {
    reply,
    changes: [cluster.record],
    undo: () => {
      cluster.record = before;
    },
  };
}

function add(record: ClusterRecord, maker: Client | undefined, contents: TableContents, now: number): Outcome {
  assert(!contents.clustersById.has(record.id) && !contents.clients.has(record.id), 'a fresh cluster ID is fresh');
  const cluster = new Cluster(record, now, now);
  cluster.maker = maker;
  contents.addCluster(cluster);
  return {
    reply: { kind: 'cluster', cluster: propertiesOf(cluster) },
    changes: [record],
    undo: () => contents.removeCluster(cluster),
  };
}
