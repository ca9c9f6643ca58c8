// Which store a name means. Its code is loaded when it is opened: that of etcd takes some 80 ms, and the main
// thread and every command look at names only.
import { Fence } from '../shared-memory/fence.ts';
import type { EtcdAccess } from './etcd/etcd-client.ts';
import type { EtcdStoreObserver } from './etcd/etcd-store.ts';
import type { Store } from './store.ts';

/** `--store`: where the table is. */
export type StoreName = 'lmdb' | 'memory' | `etcd:${string}`;

const ETCD = 'etcd:';
const END_POINT = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):(\d{1,5})$/;
/** As many servers as an etcd has at most, and a balancer or two. */
const END_POINTS_MAX = 9;

/** Whether `--store` can be that. */
export function isStoreName(text: string): text is StoreName {
  if (!text.startsWith(ETCD)) return text === 'lmdb' || text === 'memory';
  const endPoints = endPointsOf(text);
  return endPoints.length <= END_POINTS_MAX && endPoints.every(isEndPoint);
}

function isEndPoint(text: string): boolean {
  const port = Number(END_POINT.exec(text)?.[1]);
  return port > 0 && port <= 65_535;
}

/** The servers of an etcd by the name of a store on it. */
export function endPointsOf(name: string): string[] {
  return name.slice(ETCD.length).split(',');
}

/** Whether other servers may have the same table. */
export function isShared(name: StoreName): boolean {
  return name.startsWith(ETCD);
}

/** Everything a store may want to know. */
export interface StoreSettings {
  readonly name: StoreName;
  readonly dataDirectory: string;
  /** Hex. */
  readonly registryId: string;
  readonly bytesMax: number | undefined;
  /** Memory of the `Fence` of the data directory's lock; undefined where there is no lock. */
  readonly fence?: SharedArrayBuffer;
  /** Of a store on etcd: who comes, and what the keys of the registry begin with. */
  readonly etcd?: (Omit<EtcdAccess, 'endPoints'> & { readonly prefix: string | undefined }) | undefined;
}

/** Told what a store does, for metrics. */
export interface StoreObserver extends EtcdStoreObserver {
  /** A commit's way to the disk took so many seconds. */
  synced(seconds: number): void;
}

/** Opens it. Rejects with StoreUnusableError. */
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

/** What messages call it: a place, without secrets. */
export function placeOf({ name, dataDirectory }: StoreSettings): string {
  return isShared(name) ? name : dataDirectory;
}
