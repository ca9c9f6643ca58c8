// Which store a name means.
import { LmdbStore } from './lmdb-store.ts';
import { MemoryStore } from './memory-store.ts';
import type { Store } from './store.ts';

/** `--store`. */
export const STORE_NAMES = ['lmdb', 'memory'] as const;
export type StoreName = (typeof STORE_NAMES)[number];

/** Everything a store may want to know. */
export interface StoreSettings {
  readonly name: StoreName;
  readonly dataDirectory: string;
  /** Hex. */
  readonly registryId: string;
  readonly bytesMax: number | undefined;
}

/** Opens it. `synced` is told the seconds that each commit's way to the disk took. Throws StoreUnusableError. */
export function openStore(
  { name, dataDirectory, registryId, bytesMax }: StoreSettings,
  synced: (seconds: number) => void,
): Store {
  switch (name) {
    case 'lmdb':
      return LmdbStore.open(dataDirectory, { registryId, bytesMax, synced });
    case 'memory':
      return new MemoryStore();
  }
}
