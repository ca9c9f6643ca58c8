// Coordinators to ask, what to ask them, and what to see in their replies.

import { Coordinator } from '../../src/coordinator/coordinator.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { Change, Command, Reply } from '../../src/registry/command.ts';
import type { Store } from '../../src/store/store.ts';
import { idOf, REGISTRY_ID } from '../registry/arbitrary-commands.ts';

/** What is refused because it cannot be stored. */
export const REFUSED: Reply = { kind: 'refused', refusal: 'cannot-store' };

/** A coordinator with its table, and what it observed. */
export function over(store: Store) {
  const table = new ClusterTable(REGISTRY_ID);
  const batches: number[] = [];
  const troubles: unknown[] = [];
  const coordinator = new Coordinator(table, store, {
    batch: (commands) => batches.push(commands),
    trouble: (error) => troubles.push(error),
  });
  return { table, coordinator, batches, troubles };
}

/** The reply to a single command. */
export async function ask(coordinator: Coordinator, command: Command): Promise<Reply> {
  return (await coordinator.ask([command]))[0]!;
}

export function register(client: number, name = `node-${client}`, sigKeyDigest = 'key'): Command {
  const token = Uint8Array.of(client, name.length, sigKeyDigest.length);
  return { kind: 'register', clientId: idOf(client), name, sigKeyDigest, endPointCount: 1, ephemeral: false, token };
}

export function create(name: string, id: number, size = 3): Command {
  return { kind: 'create', name, id: idOf(id), size, endPointCount: 1, attrs: 0n };
}

export function join(client: number, name: string): Command {
  return { kind: 'join', clientId: idOf(client), cluster: { name } };
}

export function getCluster(name: string): Command {
  return { kind: 'get-cluster', cluster: { name }, which: 2n ** 64n - 1n, goOn: undefined, rosterBytesMax: 1_000 };
}

/** Bits of the members of a roster. */
export function whichOf(reply: Reply): bigint | undefined {
  return reply.kind === 'roster' ? reply.which : undefined;
}

export function clusterIdOf(reply: Reply): string | undefined {
  return reply.kind === 'cluster' || reply.kind === 'roster' ? reply.cluster.id : undefined;
}

/** Every record of a store. */
export async function recordsOf(store: Store): Promise<Change[]> {
  const records: Change[] = [];
  for await (const record of store.load()) records.push(record);
  return records;
}
