// Coordinators for tests, commands for them, and readers of their replies.

import type { GrowthBudgets } from '../../src/admission/growth-budgets.ts';
import { Charges } from '../../src/coordinator/charges.ts';
import { Coordinator } from '../../src/coordinator/coordinator.ts';
import type { CoordinatorObserver } from '../../src/coordinator/coordinator-observer.ts';
import type { RoundEvent } from '../../src/registry/barrier.ts';
import { ClusterTable } from '../../src/registry/cluster-table.ts';
import type { BarrierView, Command, Registration, Reply, StoredRecord } from '../../src/registry/command.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';
import type { ChangeRing } from '../../src/shared-memory/change-ring.ts';
import type { Store } from '../../src/store/store.ts';
import { idOf, KEY, NO_LIMITS, NOBODY, REGISTRY_ID } from '../registry/arbitrary-commands.ts';

/** The reply to a command that could not be stored. */
export const REFUSED: Reply = { kind: 'refused', refusal: 'cannot-store' };

/** A coordinator with its table, its observations, and a clock that stands until a test moves it. */
export function over(
  store: Store,
  limits: TableLimits = NO_LIMITS,
  shared = false,
  clock = { now: 0 },
  budgets?: GrowthBudgets,
  changes?: ChangeRing,
) {
  const table = new ClusterTable(REGISTRY_ID, limits, clock.now, shared);
  const batches: number[] = [];
  const filled: number[] = [];
  const expired: number[] = [];
  const full: (string | undefined)[] = [];
  const unreachable: (string | undefined)[] = [];
  const broken: unknown[] = [];
  const rounds: RoundEvent[] = [];
  const replaced: (readonly [Registration, Registration])[] = [];
  const observer: CoordinatorObserver = {
    batch: (commands) => batches.push(commands),
    filled: (seconds) => filled.push(seconds),
    displaced() {},
    round: (event) => rounds.push(event),
    replaced: (before, after) => replaced.push([before, after]),
    expired: (changes) => expired.push(changes),
    full: (reason) => full.push(reason),
    answerable() {},
    unreachable: (reason) => unreachable.push(reason),
    broken: (error) => broken.push(error),
  };
  const charges = new Charges(budgets);
  const coordinator = new Coordinator(table, store, observer, () => clock.now, undefined, charges, changes);
  return { table, coordinator, observer, clock, rounds, batches, filled, expired, full, unreachable, broken, replaced };
}

/** The reply to a single command. */
export async function ask(coordinator: Coordinator, command: Command): Promise<Reply> {
  return (await coordinator.ask([command]))[0]!;
}

export function register(client: number, name = `node-${client}`, sigKeyDigest = KEY): Command {
  const token = Uint8Array.of(client, name.length, sigKeyDigest.length);
  return { kind: 'register', clientId: idOf(client), name, sigKeyDigest, endPointCount: 1, ephemeral: false, token };
}

export function create(name: string, id: number, size = 3, attrs = 0n): Command {
  return { kind: 'create', clientId: NOBODY, name, id: idOf(id), size, endPointCount: 1, attrs };
}

export function join(client: number, name: string): Command {
  return { kind: 'join', clientId: idOf(client), cluster: { name } };
}

export function getCluster(name: string, clientId = NOBODY): Command {
  const all = { which: 2n ** 64n - 1n, cursor: undefined, rosterBytesMax: 1_000 };
  return { kind: 'get-cluster', clientId, cluster: { name }, ...all };
}

/** A Create through `sealed` with this confirm time. */
export function createForming(name: string, id: number, size = 3, confirmMs = 15_000): Command {
  return { ...(create(name, id, size) as Command & { kind: 'create' }), confirmMs };
}

/** A member's GetCluster through `sealed`, which returns the round. */
export function confirm(client: number, name: string, round: string | undefined): Command {
  return { ...(getCluster(name, idOf(client)) as Command & { kind: 'get-cluster' }), sealed: true, round };
}

/** The progress of a roster's cluster. */
export function barrierOf(reply: Reply): BarrierView | undefined {
  return reply.kind === 'roster' ? reply.barrier : undefined;
}

/** Sends marks that are back at once, one each second of the server's clock. */
export class Marks {
  #number = 0;
  readonly #server: { readonly coordinator: Coordinator; readonly clock: { now: number } };

  constructor(server: { readonly coordinator: Coordinator; readonly clock: { now: number } }) {
    this.#server = server;
  }

  /** Lets so many seconds pass; each mark takes `lateMs`. */
  async pass(seconds: number, lateMs = 0): Promise<void> {
    const { coordinator, clock } = this.#server;
    for (let second = 0; second < seconds; second++) {
      clock.now += 1_000;
      coordinator.marked({ number: ++this.#number, sentAt: clock.now - lateMs, backAt: clock.now });
      await coordinator.settled();
    }
  }
}

/** The Which bits of a roster's members. */
export function whichOf(reply: Reply): bigint | undefined {
  return reply.kind === 'roster' ? reply.which : undefined;
}

export function clusterIdOf(reply: Reply): string | undefined {
  return reply.kind === 'cluster' || reply.kind === 'roster' ? reply.cluster.id : undefined;
}

/** Every record of a store. */
export async function recordsOf(store: Store): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const some of store.load()) records.push(...some);
  return records;
}
