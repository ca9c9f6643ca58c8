// Opens the store that a name selects. The code of a store is imported only then: that of etcd loads slowly, and the
// main thread and most commands need nothing but the name.
import { Fence } from '../shared-memory/fence.ts';
import type { EtcdAccess } from './etcd/etcd-client.ts';
import type { EtcdStoreObserver } from './etcd/etcd-store.ts';
import type { Store } from './store.ts';

/** The value of `--store`. */
export type StoreName = 'lmdb' | 'memory' | `etcd:${string}`;

const ETCD = 'etcd:';
const END_POINT = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
/** End points of etcd. It has 7 servers at most; two more allow for load balancers. */
export const ETCD_END_POINTS_MAX = 9;

/** True if `--store` accepts the text. */
export function isStoreName(text: string): text is StoreName {
  if (!text.startsWith(ETCD)) return text === 'lmdb' || text === 'memory';
  const endPoints = endPointsOf(text);
  return endPoints.length <= ETCD_END_POINTS_MAX && endPoints.every(isEndPoint);
}

function isEndPoint(text: string): boolean {
  const port = Number(END_POINT.exec(text)?.[1]);
  return port > 0 && port <= 65_535;
}

/** The end points in the name of a store on etcd. */
export function endPointsOf(name: string): string[] {
  return name.slice(ETCD.length).split(',');
}

/** True if several servers can share the store. */
export function isShared(name: StoreName): boolean {
  return name.startsWith(ETCD);
}

/** The settings of any store. */
export interface StoreSettings {
  readonly name: StoreName;
  readonly dataDirectory: string;
  /** Hex. */
  readonly registryId: string;
  readonly bytesMax: number | undefined;
  /** Memory for the `Fence` of the data directory's lock; undefined if there is no lock. */
  readonly fence?: SharedArrayBuffer;
  /** For etcd only: TLS, user, and the prefix of the registry's keys. */
  readonly etcd?: (Omit<EtcdAccess, 'endPoints'> & { readonly prefix: string | undefined }) | undefined;
}

/** Receives a store's events, for metrics. */
export interface StoreObserver extends EtcdStoreObserver {
  /** Seconds that the write and fsync of a commit took. */
  synced(seconds: number): void;
}

/** Opens the store. Rejects with StoreUnusableError. */
export async function openStore(settings: StoreSettings, observer: StoreObserver): Promise<Store> {
  const { name, dataDirectory, registryId, bytesMax, fence, etcd } = settings;
  switch (name) {
    case 'lmdb': {
      const { LmdbStore } = await import('./lmdb/lmdb-store.ts');
      const options = { registryId, bytesMax, synced: observer.synced, ...(fence && { fence: new Fence(fence) }) };
      return LmdbStore.open(dataDirectory, options);
    }
    case 'memory': {
      const { MemoryStore } = await import('./memory/memory-store.ts');
      return new MemoryStore();
    }
    default: {
      const { EtcdStore } = await import('./etcd/etcd-store.ts');
      const { prefix, tls, user } = etcd ?? {};
      return EtcdStore.open({ access: { endPoints: endPointsOf(name), tls, user }, registryId, prefix, observer });
    }
  }
}

/** The store's place for messages, without secrets. */
export function placeOf({ name, dataDirectory }: StoreSettings): string {
  return isShared(name) ? name : dataDirectory;
}
