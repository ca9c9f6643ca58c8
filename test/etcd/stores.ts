// Opens stores on a real etcd, each registry under its own prefix, and coordinators over them.

import { randomBytes } from 'node:crypto';
import type { EtcdCluster } from '../../bench/etcd/etcd-cluster.ts';
import type { TableLimits } from '../../src/registry/time-to-live.ts';
import { EtcdStore, type EtcdStoreObserver } from '../../src/store/etcd/etcd-store.ts';
import { over } from '../coordinator/asking.ts';
import { NO_LIMITS, REGISTRY_ID } from '../registry/arbitrary-commands.ts';

/** A unique prefix. */
export function newPrefix(): string {
  return `test/${randomBytes(8).toString('hex')}/`;
}

export function endPointsOf(cluster: EtcdCluster): string[] {
  return cluster.servers.map(({ endPoint }) => endPoint);
}

export function openEtcdStore(
  endPoints: readonly string[],
  prefix: string,
  observer?: EtcdStoreObserver,
): Promise<EtcdStore> {
  const access = { endPoints, tls: undefined, user: undefined };
  return EtcdStore.open({ access, registryId: REGISTRY_ID, prefix, ...(observer && { observer }) });
}

/** A clock that shows real time. */
export const runningClock = {
  get now() {
    return performance.now();
  },
};

/** Opens a store and a coordinator that has loaded the table. */
export async function openServer(
  endPoints: readonly string[],
  prefix: string,
  limits: TableLimits = NO_LIMITS,
  clock?: { now: number },
) {
  const counts = { readAgain: 0 };
  const observer = { requested() {}, probed() {}, caughtUp() {}, readAgain: () => void counts.readAgain++ };
  const store = await openEtcdStore(endPoints, prefix, observer);
  const parts = over(store, limits, true, clock);
  await parts.coordinator.load();
  return { ...parts, store, counts, prefix };
}

export type EtcdServerUnderTest = Awaited<ReturnType<typeof openServer>>;

/** Polls until `holds` returns true; rejects after `timeoutMs`. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
